/** A guarded server that a test can stop: `frozen-server.js FEED CREDENTIAL AUDIENCE`. Prints its URL. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { requireToken, Verifier } from "../../src/index.js";

const [url = "", credential = "", audience = ""] = process.argv.slice(2);
const verifier = await Verifier.connect({ url, credential, audience, onEvent: () => undefined });
const guard = requireToken(verifier);
const server = createServer((request, response) => guard(request, response, () => response.end("passed")));
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
