/** Each resource that is taken may fail once; afterwards all is as before, and the next try works. */

import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import { test, type TestContext } from "node:test";

import { Verifier } from "../src/index.js";
import { AUDIENCE, CREDENTIAL, setOf, until } from "./support/fake-feed.js";
import { feed, follow, MovedClock } from "./support/world.js";

const TOKEN = "a-token-of-the-tests";
const OTHER = "another-token-of-the-tests";
const SET = setOf({ entries: [{ token: TOKEN }] });

/** The call `at` of a function of `node:timers` throws, once. */
function failing(t: TestContext, name: "setInterval" | "setTimeout", at: number): () => boolean {
  const real = timers[name];
  let calls = 0;
  const replace = (as: unknown) => (Object.assign(timers, { [name]: as }), syncBuiltinESMExports());
  replace((...given: Parameters<typeof real>) => {
    calls += 1;
    if (calls === at) throw new Error("no more timers");
    return (real as (...all: typeof given) => unknown)(...given);
  });
  t.after(() => replace(real));
  return () => calls >= at;
}

test("where a verifier can't have its timer, nothing of it is left, and the next one works", async (t) => {
  const fake = await feed(t, SET);
  failing(t, "setInterval", 1);
  await assert.rejects(Verifier.connect({ url: fake.url, credential: CREDENTIAL, audience: AUDIENCE }), /no more timers/);
  assert.equal(await fake.connections(), 0);
  const { verifier } = await follow(t, fake);
  assert.equal(verifier.verify(TOKEN).verdict, "accepted");
});

for (let at = 1; at <= 6; at += 1) {
  test(`time-out ${at} of a verifier can't be had: it is followed and refreshed all the same`, async (t) => {
    const fake = await feed(t, SET);
    const failed = failing(t, "setTimeout", at);
    const clock = new MovedClock();
    const { verifier } = await follow(t, fake, { clock: clock.read });
    await until("a view", () => verifier.decide(TOKEN).verdict === "accepted");
    await until("a poll is held", () => fake.polls.some(({ headers }) => headers.prefer !== undefined));
    await until("it was refreshed", async () => {
      fake.silently(setOf({ entries: [{ token: OTHER }] }));
      clock.forward(61_000);
      return (await verifier.verifyOrRefresh(OTHER)).verdict === "accepted" && failed();
    });
  });
}

test("credentials that can't be read once are asked for again", async (t) => {
  let [asked, fake] = [0, await feed(t, SET)];
  const tls = () => {
    asked += 1;
    if (asked === 1) throw new Error("the file is being renewed");
    return {};
  };
  // `tls` is asked for https alone: the answer is no TLS, which is another failure, and comes after the first one.
  const { failures } = await follow(t, fake, { tls, url: fake.url.replace("http:", "https:") });
  await until("it was asked again", () => asked >= 2);
  assert.match(failures()[0] ?? "", /being renewed/);
  await until("and used", () => failures().some((why) => !why.includes("being renewed")));
});
