/** A bot's way to its token. */

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";

import { TokenSource } from "../src/index.js";
import { feed, MovedClock } from "./support/world.js";

const TOKEN_1 = "token-1-of-the-tests";
const TOKEN_2 = "token-2-of-the-tests";
const SECRET = "mcp/slack search";

/** A daemon that hands out `tokens.now`, and a source. */
async function source(t: TestContext) {
  const fake = await feed(t);
  const daemon = { now: TOKEN_1, status: 200 };
  fake.instead = (request, response: ServerResponse) => {
    assert.equal(request.url, "/v1/token?secret=mcp%2Fslack%20search");
    response.statusCode = daemon.status;
    const body = { token: daemon.now, version: "v", client_id: "b", audience: "a", refresh_after_ms: 60_000 };
    response.end(daemon.status === 200 ? JSON.stringify(body) : `secret text about ${daemon.now}`);
    return true;
  };
  const clock = new MovedClock();
  const made = new TokenSource({
    url: fake.url,
    credential: "cfc_bot",
    secret: SECRET,
    clock: clock.read,
    random: () => 1,
  });
  t.after(() => made.close());
  return { fake, daemon, clock, source: made };
}

test("a token is fetched once for all callers, and anew when the daemon said so", async (t) => {
  const { fake, daemon, clock, source: bot } = await source(t);
  assert.deepEqual(await Promise.all([bot.token(), bot.token()]), [TOKEN_1, TOKEN_1]);
  daemon.now = TOKEN_2;
  assert.equal(await bot.token(), TOKEN_1);
  assert.equal(fake.requests.length, 1);
  clock.forward(60_000);
  assert.equal(await bot.token(), TOKEN_2);
});

test("after a 401 the token is fetched anew once, and the call made once more", async (t) => {
  const { fake, daemon, clock, source: bot } = await source(t);
  await bot.token();
  daemon.now = TOKEN_2;
  clock.forward(1_000);
  const calls: string[] = [];
  const call = (refused: string) => (token: string) => {
    calls.push(token);
    return Promise.resolve({ status: token === refused ? 401 : 200 });
  };
  assert.equal((await bot.use(call(TOKEN_1))).status, 200);
  assert.deepEqual(calls.splice(0), [TOKEN_1, TOKEN_2]);
  for (let n = 0; n < 10; n += 1) assert.equal((await bot.use(call(TOKEN_2))).status, 401);
  assert.equal(calls.length, 10, "the same token is not tried again");
  assert.ok(fake.requests.length <= 3, "and not fetched for each refusal");
});

test("while no daemon answers the last token is used; what fails is not tried for each call; no error holds a token", async (t) => {
  const { fake, daemon, clock, source: bot } = await source(t);
  daemon.status = 503;
  await assert.rejects(bot.token(), (error: Error) => /^503/.test(error.message) && !error.message.includes(TOKEN_1));
  await assert.rejects(bot.token());
  assert.equal(fake.requests.length, 1, "it backs off");
  daemon.status = 200;
  clock.forward(500);
  assert.equal(await bot.token(), TOKEN_1);
  daemon.status = 401;
  clock.forward(60_000);
  assert.equal(await bot.token(), TOKEN_1);
  const asked = fake.requests.length;
  assert.equal(await bot.token(), TOKEN_1);
  assert.equal(fake.requests.length, asked, "it backs off");
});

test("an answer that is none is an error that quotes nothing of it", async (t) => {
  const { fake, source: bot } = await source(t);
  fake.instead = (_, response) => response.end('{"token": mcp_secret') && true;
  await assert.rejects(bot.token(), (error: Error) => !String(error.stack).includes("mcp_secret"));
});

test("what is no token is never handed out: it would break the header that it is put into", async (t) => {
  const { fake, clock, source: bot } = await source(t);
  const line = "a-token-of-a-feed\r\nx-admin: yes";
  for (const token of ["", "too-short", "x".repeat(513), line, "a token with spaces", "ein-tökén-mit-umlauten", 7]) {
    fake.instead = (_, response) => response.end(JSON.stringify({ token, refresh_after_ms: 60_000 })) && true;
    await assert.rejects(
      bot.token(),
      (error: Error) => /none of/.test(error.message) && !error.message.includes("a-token"),
      JSON.stringify(token),
    );
    clock.forward(60_000);
  }
  fake.instead = (_, response) => response.end(JSON.stringify({ token: TOKEN_1, refresh_after_ms: -1 })) && true;
  await assert.rejects(bot.token(), /none of/);
  assert.equal(fake.requests.length, 8);
});
