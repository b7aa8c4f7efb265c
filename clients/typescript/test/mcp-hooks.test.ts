/** The hooks of the MCP SDKs themselves, both versions, over a real Express app. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { requireBearerAuth as requireV2 } from "@modelcontextprotocol/express";
import { requireBearerAuth as requireV1 } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import express, { type RequestHandler } from "express";

import { authInfo } from "../src/auth-info.js";
import type { Verifier } from "../src/index.js";
import { tokenVerifier as v1 } from "../src/mcp-v1.js";
import { tokenVerifier as v2 } from "../src/mcp-v2.js";
import { AUDIENCE, setOf } from "./support/fake-feed.js";
import { feed, follow } from "./support/world.js";

const TOKEN = "a-token-of-the-tests";
const PREVIOUS = "a-previous-token-of-the-tests";
const UNKNOWN = "a-token-that-nobody-made";
const SCOPES = ["slack:search"];

const hooks: Record<string, (verifier: Verifier) => RequestHandler> = {
  v1: (verifier) => requireV1({ verifier: v1(verifier), requiredScopes: SCOPES, expectedResource: new URL(AUDIENCE) }),
  v2: (verifier) => requireV2({ verifier: v2(verifier), requiredScopes: SCOPES, expectedResource: new URL(AUDIENCE) }),
};

async function guarded(t: TestContext, hook: RequestHandler) {
  const app = express();
  app.use(hook, (request, response) => void response.json((request as { auth?: unknown }).auth));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return (token: string) => fetch(url, { headers: { authorization: `Bearer ${token}` } });
}

for (const [name, hook] of Object.entries(hooks)) {
  test(`the hook of the SDK ${name} accepts, refuses, and has no better word for unsure than 500`, async (t) => {
    // The store's clock is an hour ahead of this machine's.
    const notAfterMs = Date.now() + 3_600_000 + 60_000;
    const entries = [
      { token: TOKEN, version: "v-2", scopes: SCOPES, graceMs: 0 },
      { token: PREVIOUS, version: "v-1", stage: "previous", scopes: [], notAfterMs },
    ];
    const fake = await feed(t, setOf({ entries }));
    fake.skewMs = 3_600_000;
    const { verifier } = await follow(t, fake);
    const call = await guarded(t, hook(verifier));
    const accepted = await call(TOKEN);
    assert.equal(accepted.status, 200, "even a version without any grace");
    const auth = (await accepted.json()) as Record<string, unknown>;
    const { expiresAt, ...rest } = auth;
    assert.equal(typeof expiresAt, "number");
    const extra = { principal: "slack-bot", secret: "mcp/slack-bot-token", version: "v-2", stage: "current" };
    assert.deepEqual(rest, { token: "v-2", clientId: "slack-bot", scopes: SCOPES, resource: AUDIENCE, extra });
    assert.equal((await call(UNKNOWN)).status, 401);
    assert.equal((await call(PREVIOUS)).status, 403, "it lacks the scope");
    fake.ageMs = 61_000;
    const stale = await follow(t, fake);
    assert.equal((await (await guarded(t, hook(stale.verifier)))(UNKNOWN)).status, 500);
  });
}

test("a deadline is carried over to this machine's clock as a span", () => {
  const secret = { kind: "secret", name: "s", version: "v", created: new Date(0) } as const;
  const at = (stage: "previous" | "current", expiresInMs: number) => {
    const grant = { clientId: "b", principal: "b", scopes: [], expiresInMs, source: { ...secret, stage } };
    return authInfo(grant, new URL(AUDIENCE), 10_000).expiresAt;
  };
  assert.equal(at("previous", 1_500), 11.5);
  assert.equal(at("previous", 1), 10.001, "never later than it is");
  assert.equal(at("current", 0), 11);
});

test("an audience that is no URL is told at once to those hooks", async (t) => {
  const { verifier } = await follow(t, await feed(t, setOf({ audience: "slack" })), { audience: "slack" });
  for (const hook of [v1, v2]) assert.throws(() => hook(verifier), /no URL/);
});
