/** What the MCP SDKs do with a session that another bot opened, and how the README binds it to its caller. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { McpServer as McpServerV2, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import express from "express";

import { authOf, authorizer, requireToken, type AnyRequest, type Verifier } from "../src/index.js";
import { AUDIENCE, setOf } from "./support/fake-feed.js";
import { feed, follow } from "./support/world.js";

const A = "the-token-of-bot-a";
const A_ROTATED = "the-next-token-of-bot-a";
const B = "the-token-of-bot-b";
const ENTRIES = [
  { token: A, clientId: "bot-a", version: "v-1", stage: "previous", notAfterMs: Date.now() + 600_000 },
  { token: A_ROTATED, clientId: "bot-a", version: "v-2" },
  { token: B, clientId: "bot-b", version: "v-3" },
];

/** An MCP server that keeps sessions: asks with a token, for a session where one is given. */
type Server = (token: string, session?: string, method?: string) => Promise<Response>;

const INITIALIZE = {
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } },
};

function asking(send: (init: RequestInit) => Promise<Response>): Server {
  return (token, session, method = "POST") => {
    const message = session === undefined ? INITIALIZE : { method: "ping" };
    return send({
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": "2025-06-18",
        ...(session !== undefined && { "mcp-session-id": session }),
      },
      ...(method === "POST" && { body: JSON.stringify({ jsonrpc: "2.0", id: 1, ...message }) }),
    });
  };
}

async function v1(t: TestContext, verifier: Verifier, bound: boolean): Promise<Server> {
  const app = express();
  app.use(requireToken(verifier), express.json());
  const owners = new Map<string, string | undefined>();
  const callerOf = (request: AnyRequest) => authOf(request)?.extra.principal;
  const isOwner = (request: AnyRequest) => owners.get(String(request.headers["mcp-session-id"])) === callerOf(request);
  const transports = new Map<string, StreamableHTTPServerTransport>();
  app.all("/", async (request, response) => {
    const session = request.headers["mcp-session-id"];
    if (session !== undefined) {
      if (bound && !isOwner(request)) return void response.status(404).end();
      return transports.get(String(session))?.handleRequest(request, response, request.body as unknown);
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: true,
      onsessioninitialized: (id) => (owners.set(id, callerOf(request)), void transports.set(id, transport)),
    });
    await new McpServerV1({ name: "test", version: "1" }).connect(transport as Parameters<McpServerV1["connect"]>[0]);
    await transport.handleRequest(request, response, request.body as unknown);
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  return asking((init) => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, init));
}

async function v2(_: TestContext, verifier: Verifier, bound: boolean): Promise<Server> {
  const authorize = authorizer(verifier);
  const sessions = new Map<string, { owner: string; transport: WebStandardStreamableHTTPServerTransport }>();
  return asking(async (init) => {
    const passed = await authorize(new Request(AUDIENCE, init));
    if (passed instanceof Response) return passed;
    const { request, auth } = passed;
    const session = sessions.get(String(request.headers.get("mcp-session-id")));
    if (session !== undefined) {
      if (bound && session.owner !== auth.extra.principal) return new Response(null, { status: 404 });
      return session.transport.handleRequest(request, { authInfo: auth });
    }
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: true,
      onsessioninitialized: (id) => void sessions.set(id, { owner: auth.extra.principal, transport }),
    });
    await new McpServerV2({ name: "test", version: "1" }).connect(transport);
    return transport.handleRequest(request, { authInfo: auth });
  });
}

for (const [name, make] of Object.entries({ v1, v2 })) {
  test(`the SDK ${name} lets any caller into any session; bound as the README has it, its owner alone, rotated or not`, async (t) => {
    const { verifier } = await follow(t, await feed(t, setOf({ entries: ENTRIES })));
    for (const [bound, wanted] of [
      [false, 200],
      [true, 404],
    ] as const) {
      const ask = await make(t, verifier, bound);
      const opened = await ask(A);
      const id = opened.headers.get("mcp-session-id") ?? "";
      assert.deepEqual([opened.status, id === ""], [200, false]);
      assert.equal((await ask(B, id)).status, wanted);
      assert.equal((await ask(A_ROTATED, id)).status, 200, "its owner, with the next token");
      assert.equal((await ask(B, id, "DELETE")).status, wanted);
      if (bound) assert.equal((await ask(A, id)).status, 200, "and nobody else has ended it");
    }
  });
}

test("the README's lines are those of this test", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const source = readFileSync(new URL("../../test/sessions.test.ts", import.meta.url), "utf8");
  const [, block = ""] = /^```ts sessions\n(.*?)^```$/ms.exec(readme) ?? [];
  const lines = block.split("\n").filter((line) => line !== "");
  assert.ok(lines.length >= 3);
  for (const line of lines) assert.ok(source.includes(line.trim()), line);
});
