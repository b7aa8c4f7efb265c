/** Requests that are over before the guard has decided: answered by somebody else, or their client gone. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { connect as connect2, createServer as createServer2, type Http2Server } from "node:http2";
import { createRequire } from "node:module";
import { connect, type AddressInfo, type Server } from "node:net";
import { test, type TestContext } from "node:test";

import { requireBearerAuth as requireV2 } from "@modelcontextprotocol/express";
import { requireBearerAuth as requireV1 } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";

import { requireToken, type Verifier } from "../src/index.js";
import { tokenVerifier as v1 } from "../src/mcp-v1.js";
import { tokenVerifier as v2 } from "../src/mcp-v2.js";
import { setOf, until } from "./support/fake-feed.js";
import { feed, follow, MovedClock } from "./support/world.js";

/** It comes without types. */
const timeout = createRequire(import.meta.url)("connect-timeout") as (time: string) => RequestHandler;

/** Known only once the feed has answered. */
const NEWER = "a-newer-token-of-the-tests";
const SET = setOf({ entries: [{ token: NEWER }] });
const bearer = { authorization: `Bearer ${NEWER}` };

/** What left our hands: a server process would have ended with it. */
function uncaught(t: TestContext): string[] {
  const errors: string[] = [];
  const keep = (error: Error) => void errors.push(error.message);
  process.on("uncaughtException", keep);
  process.on("unhandledRejection", keep as (reason: unknown) => void);
  t.after(() => {
    process.off("uncaughtException", keep);
    process.off("unhandledRejection", keep as (reason: unknown) => void);
  });
  return errors;
}

/** A verifier whose view is old, and whose feed hangs until `answer` is called. */
async function hanging(t: TestContext) {
  const fake = await feed(t);
  const clock = new MovedClock();
  const { verifier, events } = await follow(t, fake, { clock: clock.read });
  await until("a poll is held", () => fake.polls.length >= 2);
  const held: (() => void)[] = [];
  fake.instead = (request, response) => {
    const timing = fake.timing(request, 0);
    held.push(() => response.writeHead(200, { etag: fake.etag(SET), "crossfade-timing": timing }).end(SET));
    return true;
  };
  clock.forward(60_000);
  return {
    verifier,
    waiting: () => until("somebody waits", () => held.length > 0),
    answer: () => held.splice(0).forEach((each) => each()),
    decided: () => until("it was decided", () => events.some(({ type }) => type === "verdict")),
  };
}

async function listening(t: TestContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (t: TestContext, listener: RequestListener) => listening(t, createServer(listener));

const guards: Record<string, (verifier: Verifier) => RequestHandler> = {
  "our guard": (verifier) => requireToken(verifier),
  "the hook of the SDK v1": (verifier) => requireV1({ verifier: v1(verifier) }),
  "the hook of the SDK v2": (verifier) => requireV2({ verifier: v2(verifier) }),
};
const late: ErrorRequestHandler = (_error, _request, response, next) => {
  if (response.headersSent) next(_error);
  else response.status(503).set("Connection", "close").end("too late");
};

for (const [name, guard] of Object.entries(guards)) {
  for (const comes of [true, false]) {
    test(`${name}: after a time-out has answered, a view that ${comes ? "comes" : "never comes"} ends no process`, async (t) => {
      const errors = uncaught(t);
      const { verifier, answer, decided } = await hanging(t);
      const app = express();
      let passed = 0;
      const handler: RequestHandler = (_request, response) => ((passed += 1), void response.end("passed"));
      app.use(timeout("100ms"), guard(verifier), handler, late);
      app.set("env", "test");
      const answered = await fetch(await serve(t, app), { headers: bearer });
      assert.deepEqual([answered.status, await answered.text()], [503, "too late"]);
      if (comes) answer();
      await decided();
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(errors, []);
      // The SDKs' hooks hand on what is over; ours does not.
      if (name === "our guard") assert.equal(passed, 0);
    });
  }
}

test("node:http: a request whose client has gone is handed on to nobody", async (t) => {
  const errors = uncaught(t);
  const { verifier, waiting, answer, decided } = await hanging(t);
  let [passed, closed] = [0, false];
  const guard = requireToken(verifier);
  const url = await serve(t, (request, response) => {
    response.on("close", () => (closed = true));
    guard(request, response, () => (passed += 1));
  });
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(`GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${NEWER}\r\n\r\n`);
  await waiting();
  socket.destroy();
  await until("the server has seen it", () => closed);
  answer();
  await decided();
  assert.deepEqual([passed, errors], [0, []]);
});

test("node:http2: a stream that was reset is handed on to nobody", async (t) => {
  const errors = uncaught(t);
  const { verifier, waiting, answer, decided } = await hanging(t);
  let [passed, closed] = [0, false];
  const guard = requireToken(verifier);
  const server: Http2Server = createServer2((request, response) => {
    response.stream.on("close", () => (closed = true));
    guard(request as never, response as never, () => (passed += 1));
  });
  const session = connect2(await listening(t, server));
  t.after(() => session.close());
  const stream = session.request({ ":path": "/", ...bearer });
  stream.on("error", () => undefined);
  stream.end();
  await waiting();
  stream.close(8);
  await until("the server has seen it", () => closed);
  answer();
  await decided();
  assert.deepEqual([passed, errors], [0, []]);
});

test("where a refusal can't be written the connection ends, nobody is let in, and nothing is thrown", async (t) => {
  const errors = uncaught(t);
  const { verifier, waiting, answer } = await hanging(t);
  const guard = requireToken(verifier, { scopes: ["one-that-it-lacks"] });
  let passed = 0;
  const url = await serve(t, (request, response) => {
    response.setHeader = () => {
      throw new Error("of another middleware");
    };
    guard(request, response, () => ((passed += 1), void response.end()));
  });
  const asked = fetch(url, { headers: { ...bearer, connection: "close" } });
  await waiting();
  answer();
  await assert.rejects(asked);
  assert.deepEqual([passed, errors], [0, []]);
});
