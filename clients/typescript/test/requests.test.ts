/** The golden requests, as bytes over a socket to a real Express app behind our middleware. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { test } from "node:test";

import express from "express";

import { authOf, requireToken, Verifier, type VerifierEvent } from "../src/index.js";
import { CREDENTIAL, FakeFeed } from "./support/fake-feed.js";
import { vectors } from "./support/vectors.js";

interface Requests {
  audience: string;
  header: string;
  scope: string;
  now_ms: number;
  set: string;
  tokens: Record<string, { token: string }>;
  cases: Case[];
}

interface Case {
  name: string;
  view: "fresh" | "stale" | "none";
  head: string[];
  expected: {
    status: number;
    reason: string;
    version: string | null;
    www_authenticate: string | null;
    retry_after: boolean;
    error: string | null;
    passes: string[];
  };
}

const given = vectors<Requests>("requests");

for (const view of ["fresh", "stale", "none"] as const) {
  for (const jsonRpcErrors of [false, true]) {
    const bodies = jsonRpcErrors ? "errors of JSON-RPC" : "OAuth's errors";
    test(`requests are answered as the vectors say, with ${view === "none" ? "no" : `a ${view}`} view and ${bodies}`, async () => {
      assert.ok(given.cases.length >= 119, "cases are missing");
      const server = await guarded(view, jsonRpcErrors);
      try {
        for (const each of given.cases.filter((one) => one.view === view)) await check(server, each, jsonRpcErrors);
      } finally {
        await server.stop();
      }
    });
  }
}

type Server = Awaited<ReturnType<typeof guarded>>;

/** An app behind the middleware, and what its handler and the hook were told last. */
async function guarded(view: Case["view"], jsonRpcErrors: boolean) {
  const feed = await FakeFeed.start(given.set);
  feed.skewMs = given.now_ms - Date.now();
  if (view === "stale") feed.ageMs = 60_001;
  if (view === "none") feed.instead = (_, response) => response.writeHead(503).end() && true;
  let events: VerifierEvent[] = [];
  const onEvent = (event: VerifierEvent) => events.push(event);
  const verifier = await Verifier.connect({ url: feed.url, credential: CREDENTIAL, audience: given.audience, onEvent });
  const seen: IncomingMessage[] = [];
  const app = express();
  // Where another middleware looked at the headers before ours, Node has made its copies already.
  app.use((request, _, next) => {
    if (jsonRpcErrors) assert.ok(request.headers && request.headersDistinct);
    next();
  });
  app.use("/mcp", requireToken(verifier, { headers: [given.header], scopes: [given.scope], jsonRpcErrors }));
  app.use("/mcp", (request, response) => void (seen.push(request), response.end("passed")));
  const http = app.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    port: (http.address() as AddressInfo).port,
    handled: () => seen.splice(0),
    counted: () => events.splice(0).filter((event) => event.type === "verdict"),
    stop: async () => {
      http.close();
      events = [];
      await verifier.close();
      await feed.stop();
    },
  };
}

async function check(server: Server, { name, head, expected }: Case, jsonRpcErrors: boolean): Promise<void> {
  server.counted();
  const answer = await raw(server.port, head);
  assert.equal(answer.status, expected.status, name);
  assert.deepEqual(
    answer.all("www-authenticate"),
    expected.www_authenticate === null ? [] : [expected.www_authenticate],
    name,
  );
  const [retry] = answer.all("retry-after");
  assert.equal(retry !== undefined, expected.retry_after, name);
  assert.match(retry ?? "1", /^[0-9]+$/, name);
  const [counted, more] = server.counted();
  assert.equal(counted?.type === "verdict" && counted.verdict, expected.reason, name);
  assert.equal(counted?.type === "verdict" && counted.version, expected.version, `${name}: whose use it is`);
  assert.equal(more, undefined, `${name}: counted once`);
  const handled = server.handled();
  assert.equal(handled.length, expected.version === null ? 0 : 1, name);
  for (const request of handled) handler(request, name, expected);
  if (expected.error !== null && !head[0]?.startsWith("HEAD")) body(answer.body, expected.error, jsonRpcErrors, name);
}

function handler(request: IncomingMessage, name: string, { version, passes }: Case["expected"]): void {
  assert.equal(authOf(request)?.extra.version, version, name);
  const tokens = Object.values(given.tokens).map(({ token }) => token);
  const kept = JSON.stringify([request.headers, request.headersDistinct, request.rawHeaders, authOf(request)]);
  for (const token of tokens) assert.ok(!kept.includes(token), `${name}: a token is left`);
  for (const gone of ["authorization", given.header]) {
    assert.ok(!(gone in request.headers) && !(gone in request.headersDistinct), name);
    assert.ok(!request.rawHeaders.some((raw) => raw.toLowerCase() === gone), name);
  }
  for (const line of passes) {
    const [field, value] = line.split(": ") as [string, string];
    assert.equal(request.headers[field], value, name);
    assert.deepEqual(request.headersDistinct[field], [value], name);
  }
}

function body(text: string, error: string, jsonRpcErrors: boolean, name: string): void {
  const read = JSON.parse(text) as Record<string, unknown>;
  if (!jsonRpcErrors) {
    assert.deepEqual(Object.keys(read), ["error", "error_description"], name);
    assert.equal(read.error, error, name);
  } else {
    const { message, ...rest } = read.error as Record<string, unknown>;
    assert.deepEqual(
      { ...read, error: rest },
      { jsonrpc: "2.0", id: null, error: { code: -32001, data: { error } } },
      name,
    );
    assert.equal(typeof message, "string", name);
  }
}

/** Bytes as they are; then what comes back until the connection is closed. */
async function raw(port: number, head: string[]) {
  const socket = connect(port, "127.0.0.1");
  socket.end(Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"));
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("latin1");
  const [top = "", content = ""] = text.split("\r\n\r\n");
  const [status = "", ...lines] = top.split("\r\n");
  const fields = lines.map(
    (line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)] as const,
  );
  const all = (name: string) => fields.filter(([field]) => field === name).map(([, value]) => value);
  return { status: Number(status.split(" ")[1]), all, body: content };
}
