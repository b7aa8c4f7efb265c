/** A refresh: who waits for it, whom it asks, and what it leaves alone. */

import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";

import { setOf, until } from "./support/fake-feed.js";
import { feed, follow, MovedClock } from "./support/world.js";

const TOKEN = "a-token-of-the-tests";
const WITH_TOKEN = setOf({ entries: [{ token: TOKEN }] });
/** What refreshes ask, and polls do not. */
const isRefresh = ({ headers }: { headers: NodeJS.Dict<string | string[]> }) => headers["cache-control"] === "no-cache";

test("a token is accepted on an old view only after a refresh, by whoever can wait; the poll that is held goes on", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const clock = new MovedClock();
  const { verifier, failures } = await follow(t, fake, { clock: clock.read });
  await until("a poll is held", () => fake.polls.length === 2);
  let closed = false;
  fake.instead = (request, response) => {
    if (request.headers.prefer !== undefined) response.on("close", () => (closed = true));
    return false;
  };
  fake.silently(setOf());
  assert.equal((await verifier.verifyOrRefresh(TOKEN)).verdict, "accepted", "a young view accepts at once");
  assert.equal(fake.polls.length, 2);
  clock.forward(60_000);
  assert.equal(verifier.verify(TOKEN).verdict, "accepted", "who can't wait goes by hold");
  assert.equal((await verifier.verifyOrRefresh(TOKEN)).verdict, "refused");
  assert.deepEqual(fake.polls.map(isRefresh), [true, false, true]);
  assert.deepEqual([closed, failures()], [false, []]);
});

test("in an outage one request in a while waits, and all are accepted", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const clock = new MovedClock();
  const { verifier } = await follow(t, fake, { clock: clock.read, random: () => 1 });
  await until("a poll is held", () => fake.polls.length === 2);
  fake.instead = (_, response) => response.writeHead(503).end() && true;
  clock.forward(60_000);
  const refreshes = () => fake.polls.filter(isRefresh).length;
  const before = refreshes();
  for (let n = 0; n < 50; n += 1) assert.equal((await verifier.verifyOrRefresh(TOKEN)).verdict, "accepted");
  assert.ok(refreshes() - before <= 2, `${refreshes() - before} refreshes`);
});

test("a replica that does not answer is not waited for: the next one is asked too", async (t) => {
  const [one, other] = [await feed(t, WITH_TOKEN), await feed(t, WITH_TOKEN)];
  const clock = new MovedClock();
  const { verifier } = await follow(t, [one, other], { clock: clock.read });
  await until("a poll is held", () => one.polls.length === 2);
  assert.equal(other.polls.length, 0, "one alone is asked while it answers");
  one.instead = () => true;
  other.silently(setOf());
  clock.forward(60_000);
  assert.equal((await verifier.verifyOrRefresh(TOKEN)).verdict, "refused");
  assert.equal(other.polls.filter(isRefresh).length, 1);
});

test("where a kept connection was closed meanwhile, the request is sent again on a new one", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const first = new WeakMap<Socket, IncomingMessage>();
  let cut = 0;
  fake.instead = (request) => {
    if (!first.has(request.socket)) first.set(request.socket, request);
    if (first.get(request.socket) === request) return false;
    cut += 1;
    return request.socket.destroy() && true;
  };
  const { failures } = await follow(t, fake);
  await until("requests were cut, and sent again", () => cut >= 1 && fake.polls.length > cut + 1);
  assert.deepEqual(failures(), []);
});

test("an answer to a refresh is given up after 5 s, its body too, and a poll's body has more time", { timeout: 60_000 }, async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const closed: Record<string, number> = {};
  const began = Date.now();
  fake.instead = (request, response) => {
    response.writeHead(200, { etag: fake.etag(), "crossfade-timing": fake.timing(request, 0) });
    response.write("{");
    response.on("close", () => (closed[isRefresh(request) ? "refresh" : "poll"] ??= Date.now() - began));
    return true;
  };
  const { failures } = await follow(t, fake);
  await until("the refresh is given up", () => closed.refresh);
  assert.ok((closed.refresh ?? 0) < 7_000, `after ${closed.refresh} ms`);
  assert.match(failures()[0] ?? "", /within 5000 ms/);
  assert.equal(closed.poll, undefined);
});

test("many requests on their way at once are no leak, and no warning", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const clock = new MovedClock();
  const { verifier } = await follow(t, fake, { clock: clock.read });
  const warnings: string[] = [];
  const warned = ({ message }: Error) => void warnings.push(message);
  process.on("warning", warned);
  t.after(() => process.off("warning", warned));
  fake.instead = () => true;
  for (let n = 0; n < 12; n += 1) {
    // Each finds that the one before was overtaken by a freeze.
    clock.forward(61_000);
    void verifier.verifyOrRefresh(TOKEN);
  }
  await until("all are on their way", () => fake.polls.filter(isRefresh).length >= 12);
  assert.deepEqual(warnings, []);
});
