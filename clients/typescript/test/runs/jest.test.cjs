/** As a user's test has it: the verifier is never closed. */

const { Verifier } = require("@crossfade/verify");

test("a token is accepted", async () => {
  const { FEED: url, AUDIENCE: audience, ACCEPTED: token } = process.env;
  const verifier = await Verifier.connect({ url, credential: "cfc_of-the-tests", audience });
  expect(verifier.verify(token).verdict).toBe("accepted");
});
