/** What the golden requests can't say of the middleware: views that change meanwhile, and what handlers can reach. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { inspect } from "node:util";

import express from "express";

import { authOf, requireToken, type RequireTokenOptions } from "../src/index.js";
import { app, call } from "./support/app.js";
import { setOf } from "./support/fake-feed.js";
import { feed, follow, MovedClock } from "./support/world.js";

const TOKEN = "a-token-of-the-tests";
const OTHER = "another-token-of-the-tests";
const UNKNOWN = "a-token-that-nobody-made";

test("a view that is no longer fresh is refreshed before a request is answered", async (t) => {
  const fake = await feed(t, setOf({ entries: [{ token: TOKEN }] }));
  const clock = new MovedClock();
  const { verifier } = await follow(t, fake, { clock: clock.read });
  const url = await app(t, verifier);
  clock.forward(60_000);
  assert.equal((await call(url, UNKNOWN)).status, 401, "no 503, since the feed answers");
  clock.forward(60_000);
  // Nobody who is held is told of it.
  fake.instead = (request) => request.headers.prefer !== undefined;
  fake.publish(setOf({ entries: [{ token: TOKEN }, { token: OTHER, version: "v-2" }] }));
  assert.equal((await call(url, OTHER)).status, 200, "a new token whose push got lost");
});

test("a handler that dumps all it can reach finds no token", async (t) => {
  const { verifier } = await follow(t, await feed(t, setOf({ entries: [{ token: TOKEN }] })));
  const dumps: string[] = [];
  const made = express();
  made.use(requireToken(verifier, { headers: ["mcp-access-token"] }));
  made.use((request, response) => {
    const dump = () =>
      dumps.push(
        inspect([request, response], {
          depth: Infinity,
          showHidden: true,
          maxArrayLength: null,
          maxStringLength: null,
        }),
      );
    dump();
    response.on("finish", dump);
    response.end();
  });
  const server = made.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // More headers than Node's parser hands over at once.
  const more = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`x-${n}`, "y"]));
  const headers = {
    ...more,
    authorization: `Bearer ${TOKEN}`,
    "mcp-access-token": TOKEN,
    "slack-user-token": "xoxp-1",
  };
  assert.equal((await fetch(url, { headers })).status, 200);
  assert.equal(dumps.length, 2);
  for (const dump of dumps) assert.ok(dump.includes("xoxp-1") && !dump.includes(TOKEN));
});

test("it guards a server without Express too, for an audience that is no URL", async (t) => {
  const fake = await feed(t, setOf({ audience: 'the "slack" one', entries: [{ token: TOKEN }] }));
  const { verifier } = await follow(t, fake, { audience: 'the "slack" one' });
  const guard = requireToken(verifier);
  const server = createServer((request, response) => {
    guard(request, response, () => response.end(authOf(request)?.clientId));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = { connection: "close" };
  const passed = await fetch(url, { headers: { ...close, authorization: `Bearer ${TOKEN}` } });
  assert.equal(await passed.text(), "slack-bot");
  const refused = await fetch(url, { headers: close });
  assert.equal(refused.headers.get("www-authenticate"), 'Bearer realm="the slack one"');
  assert.equal(refused.headers.get("cache-control"), "no-store");
  await refused.text();
});

test("what a handler throws is its own, and a hook that throws decides nothing", async (t: TestContext) => {
  const fake = await feed(t, setOf({ entries: [{ token: TOKEN }] }));
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on("warning", warned);
  t.after(() => process.off("warning", warned));
  const onEvent = () => {
    throw new Error("of the hook");
  };
  const { verifier } = await follow(t, fake, { onEvent });
  const made = express();
  made.use(requireToken(verifier), () => {
    throw new Error("of the handler");
  });
  made.use(((error, _request, response, _next) =>
    response.status(418).end(String(error.message))) as express.ErrorRequestHandler);
  const server = made.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } });
  assert.deepEqual([response.status, await response.text()], [418, "of the handler"]);
  assert.ok(warnings.some(({ message }) => message === "of the hook"));
});

test("options that make no sense are refused", async (t) => {
  const { verifier } = await follow(t, await feed(t));
  for (const options of [
    { headers: ["a b"] },
    { headers: ["Authorization"] },
    { headers: [""] },
    { scopes: ['a"'] },
    { scopes: [""] },
  ] as RequireTokenOptions[]) {
    assert.throws(() => requireToken(verifier, options), TypeError, JSON.stringify(options));
  }
});

test("behind what answers preflights, a browser can read the guard's own answers", async (t) => {
  const { verifier } = await follow(t, await feed(t));
  const made = express();
  made.use((request, response, next) => {
    response.set({ "Access-Control-Allow-Origin": "https://app.example.com" });
    response.set({ "Access-Control-Expose-Headers": "mcp-session-id, www-authenticate" });
    if (request.method === "OPTIONS") response.status(204).end();
    else next();
  });
  made.use(requireToken(verifier));
  const server = made.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const [method, status] of [
    ["OPTIONS", 204],
    ["POST", 401],
  ] as const) {
    const answer = await fetch(url, { method });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get("access-control-allow-origin"), "https://app.example.com");
  }
});
