/** A server with its own SDK v1, whose hook asks our verifier: its answers to a token that is accepted, and to one that is not. */

import { once } from "node:events";

import { Verifier } from "@crossfade/verify";
import { tokenVerifier } from "@crossfade/verify/mcp-v1";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import express from "express";

const [url, audience, ...tokens] = process.argv.slice(2);
const verifier = await Verifier.connect({ url, credential: "cfc_of-the-tests", audience });
const app = express();
app.use("/mcp", requireBearerAuth({ verifier: tokenVerifier(verifier) }), (_, response) => response.end());
const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const statuses = [];
for (const token of tokens) {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/mcp`, { headers: { authorization: `Bearer ${token}` } });
  statuses.push(answer.status);
}
console.log(JSON.stringify(statuses));
server.closeAllConnections();
server.close();
