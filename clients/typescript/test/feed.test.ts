/** What a verifier makes of a feed that is good, and of ones that are not. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { TokenSource, Verifier } from "../src/index.js";
import { AUDIENCE, CREDENTIAL, setOf, until } from "./support/fake-feed.js";
import { feed, follow, MovedClock } from "./support/world.js";

const TOKEN = "a-token-of-the-tests";
const OTHER = "another-token-of-the-tests";
const UNKNOWN = "a-token-that-nobody-made";
const WITH_TOKEN = setOf({ entries: [{ token: TOKEN, version: "v-1" }] });
const WITH_OTHER = setOf({ entries: [{ token: OTHER, version: "v-2" }] });

test("a change reaches a verifier that is held, and its next request says that it is applied", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const { verifier } = await follow(t, fake, { instance: "pod-1" });
  assert.equal(verifier.verify(TOKEN).verdict, "accepted");
  assert.deepEqual(verifier.verify(UNKNOWN), { verdict: "refused", reason: "unknown" });
  await until("a poll is held", () => fake.polls.some(({ headers }) => headers.prefer === "wait=60"));
  fake.publish(WITH_OTHER);
  await until("the new set is applied", () => verifier.decide(OTHER).verdict === "accepted");
  assert.equal(verifier.decide(TOKEN).verdict, "refused", "what is absent is gone");
  await until("it is acknowledged", () => fake.polls.at(-1)?.headers["if-none-match"] === fake.etag());
  const nonces = fake.polls.map(({ headers }) => headers["crossfade-nonce"]);
  assert.equal(new Set(nonces).size, nonces.length, "a new nonce each");
  for (const { headers } of fake.polls) {
    assert.equal(headers["crossfade-instance"], "pod-1");
    assert.equal(headers.authorization, `Bearer ${CREDENTIAL}`);
  }
});

test("with neither a feed nor a cache a verifier starts, unsure of all, and gets over it", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  fake.instead = (_, response) => response.writeHead(503).end() && true;
  const { verifier, failures } = await follow(t, fake);
  assert.equal((await verifier.verifyOrRefresh(TOKEN)).verdict, "unsure");
  assert.equal(verifier.status().entries, undefined);
  assert.match(failures()[0] ?? "", /^503: /);
  fake.instead = undefined;
  await until("a view", () => verifier.decide(TOKEN).verdict === "accepted");
});

test("an answer that can't be used changes nothing, and says why on the hook", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const { verifier, events } = await follow(t, fake);
  await until("a poll is held", () => fake.polls.some(({ headers }) => headers.prefer !== undefined));
  for (const [what, answer, why] of [
    ["a redirect", (r) => r.writeHead(307, { location: "https://example.com/" }).end(), /redirect/],
    ["garbage", (r, ok) => r.writeHead(200, ok).end("{"), /not_json/],
    ["a duplicate key", (r, ok) => r.writeHead(200, ok).end(WITH_OTHER.replace("{", '{"format":1,')), /duplicate_key/],
    ["another audience", (r, ok) => r.writeHead(200, ok).end(setOf({ audience: "b" })), /other_audience/],
    ["a set too large", (r, ok) => r.writeHead(200, ok).end(Buffer.alloc(32 * 1024 * 1024 + 1)), /larger than/],
    [
      "a compressed one",
      (r, ok) => r.writeHead(200, { ...ok, "content-encoding": "gzip" }).end(WITH_OTHER),
      /compressed/,
    ],
    [
      "no ETag",
      (r, ok) => r.writeHead(200, { "crossfade-timing": ok["crossfade-timing"] }).end(WITH_OTHER),
      /no one ETag/,
    ],
    ["no timing", (r, ok) => r.writeHead(200, { etag: ok.etag }).end(WITH_OTHER), /no `Crossfade-Timing`/],
    [
      "a replay",
      (r, ok) => r.writeHead(200, { ...ok, "crossfade-timing": "now=9, age=0, held=0, nonce=n" }).end(WITH_OTHER),
      /cache may stand/,
    ],
    ["a wrong credential", (r) => r.writeHead(401).end(), /doesn't know this credential/],
    ["a wrong role", (r) => r.writeHead(403).end(), /may not verify/],
    ["a cut connection", (r) => r.destroy(), /socket|ECONNRESET|aborted/],
    ["a page of somebody else", (r) => r.writeHead(200).end("<html>"), /no one ETag/],
  ] satisfies [
    string,
    (r: import("node:http").ServerResponse, ok: { etag: string; "crossfade-timing": string }) => unknown,
    RegExp,
  ][]) {
    const before = events.length;
    fake.instead = (request, response) => {
      if (request.url?.startsWith("/v1/accept-set") !== true) return false;
      answer(response, { etag: fake.etag(WITH_OTHER), "crossfade-timing": fake.timing(request, 0) });
      return true;
    };
    fake.publish(WITH_TOKEN);
    const failed = await until(what, () => events.slice(before).find((event) => event.type === "feed_failed"));
    assert.match(failed.error.message, why, what);
    assert.ok(!failed.error.message.includes(CREDENTIAL), what);
    assert.equal(verifier.decide(TOKEN).verdict, "accepted", what);
    assert.equal(verifier.decide(OTHER).verdict, "refused", what);
    fake.instead = undefined;
    await until(`good again after ${what}`, () => events.at(-1)?.type === "applied");
  }
});

test("an older view is dropped, a 304 too, and another replica asked", async (t) => {
  const [one, other] = [await feed(t, WITH_TOKEN), await feed(t, WITH_OTHER)];
  other.ageMs = 30_000;
  const { verifier, failures } = await follow(t, one);
  await verifier.close();
  const both = await follow(t, [one, other]);
  await until("the younger one is applied", () => both.verifier.decide(TOKEN).verdict === "accepted");
  const asked = other.polls.length;
  one.instead = (_, response) => response.writeHead(503).end() && true;
  one.publish(WITH_TOKEN);
  await until("the other one is asked", () => other.polls.length > asked);
  await until("its answer is dropped", () => both.failures().some((why) => why.includes("older than what is applied")));
  assert.equal(both.verifier.decide(TOKEN).verdict, "accepted", "it went back to nothing older");
  one.instead = undefined;
  const polls = one.polls.length;
  await until("the first one is asked again", () => one.polls.length > polls);
  assert.deepEqual(failures(), []);
});

test("where one replica is gone, or hangs, another one is followed", async (t) => {
  const [one, other] = [await feed(t, setOf({ freshnessMs: 1_000 })), await feed(t, setOf({ freshnessMs: 1_000 }))];
  const { verifier } = await follow(t, [one, other]);
  const { port } = one;
  await one.stop();
  const after = other.polls.length;
  await until("the other one is followed", () =>
    other.polls.slice(after).some(({ headers }) => headers.prefer !== undefined),
  );
  await until("its view is fresh", () => verifier.status().fresh);
  const third = await feed(t, setOf({ freshnessMs: 1_000 }), port);
  other.instead = () => true;
  await until("it hangs, so the first one is followed again", () => third.polls.length > 0);
  await until("and its view is fresh", () => verifier.status().fresh);
});

test("behind one URL, replicas whose sets differ are not asked without end", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  // Each request comes to the replica that did not answer the one before.
  fake.instead = ({ headers }) => (fake.silently(headers["if-none-match"] === fake.etag(WITH_TOKEN) ? WITH_OTHER : WITH_TOKEN), false);
  const { verifier, failures } = await follow(t, fake, { random: () => 1 });
  const began = Date.now();
  await until("six polls", () => fake.polls.length >= 6);
  assert.ok(Date.now() - began > 2_500, `six polls within ${Date.now() - began} ms`);
  assert.deepEqual([verifier.status().entries, failures()], [1, []]);
});

test("where one replica's own view is not fresh, another one is asked", async (t) => {
  const [one, other] = [await feed(t, WITH_TOKEN), await feed(t, WITH_TOKEN)];
  const { verifier } = await follow(t, [one, other]);
  for (const fake of [one, other]) fake.ageMs = 61_000;
  const clock = new MovedClock();
  assert.equal(verifier.status().fresh, true);
  const stale = await follow(t, [one, other], { clock: clock.read });
  assert.equal(stale.verifier.decide(UNKNOWN).verdict, "unsure");
  other.ageMs = 0;
  await until("the other one's view is applied", () => stale.verifier.decide(UNKNOWN).verdict === "refused");
});

test("a new token that is not known yet is asked about, once for all, and not again in the cool-down", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const clock = new MovedClock();
  const { verifier } = await follow(t, fake, { clock: clock.read });
  await until("a poll is held", () => fake.polls.length >= 2);
  clock.forward(60_000);
  // Not told to who is held: as if the push got lost.
  fake.instead = undefined;
  const before = fake.polls.length;
  assert.equal(verifier.decide(UNKNOWN).verdict, "unsure");
  const verdicts = await Promise.all(Array.from({ length: 100 }, () => verifier.verifyOrRefresh(UNKNOWN)));
  assert.ok(verdicts.every(({ verdict }) => verdict === "refused"));
  assert.equal(fake.polls.length, before + 1, "one flight");
  fake.instead = (_, response) => response.writeHead(503).end() && true;
  clock.forward(60_000);
  await verifier.verifyOrRefresh(UNKNOWN);
  const after = fake.polls.length;
  for (let n = 0; n < 100; n += 1) assert.equal((await verifier.verifyOrRefresh(UNKNOWN)).verdict, "unsure");
  assert.ok(fake.polls.length <= after, "garbage drives no more");
});

test("a feed that hangs for ever does not hang its callers", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  fake.instead = () => true;
  const { verifier } = await follow(t, fake);
  assert.equal((await verifier.verifyOrRefresh(UNKNOWN)).verdict, "unsure");
});

test("a machine that was suspended refuses nothing until it has asked", async (t) => {
  const fake = await feed(
    t,
    setOf({ entries: [{ token: TOKEN, stage: "previous", notAfterMs: Date.now() + 600_000 }] }),
  );
  const clock = new MovedClock();
  const { verifier } = await follow(t, fake, { clock: clock.read });
  clock.wallMs += 2_500;
  assert.equal(verifier.decide(UNKNOWN).verdict, "unsure", "the clocks parted");
  assert.equal(verifier.decide(TOKEN).verdict, "accepted");
  clock.wallMs += 600_000;
  assert.equal(verifier.decide(TOKEN).verdict, "unsure", "past its deadline on one clock");
  assert.equal((await verifier.verifyOrRefresh(UNKNOWN)).verdict, "refused");
});

test("with the feed gone for good, known tokens are accepted for hold, or for less where we say so", async (t) => {
  const fake = await feed(t, setOf({ holdMs: 120_000, entries: [{ token: TOKEN }] }));
  const [clock, shorter] = [new MovedClock(), new MovedClock()];
  const one = await follow(t, fake, { clock: clock.read });
  const other = await follow(t, fake, { clock: shorter.read, maxHoldMs: 90_000 });
  await until("both are held", () => fake.polls.length >= 4);
  fake.instead = () => true;
  for (const each of [clock, shorter]) each.forward(89_000);
  for (const { verifier } of [one, other]) assert.equal(verifier.decide(TOKEN).verdict, "accepted");
  for (const each of [clock, shorter]) each.forward(2_000);
  assert.equal(one.verifier.decide(TOKEN).verdict, "accepted");
  assert.equal(other.verifier.decide(TOKEN).verdict, "unsure");
  clock.forward(30_000);
  assert.equal(one.verifier.decide(TOKEN).verdict, "unsure");
});

test("decisions are reported, and what could not be sent is sent later", async (t) => {
  const fake = await feed(t, WITH_TOKEN);
  const { verifier, failures } = await follow(t, fake, { reportEveryMs: 50 });
  fake.instead = (request, response) => request.url === "/v1/reports" && response.writeHead(500).end() && true;
  verifier.verify(TOKEN);
  verifier.verify(TOKEN);
  verifier.verify(UNKNOWN);
  verifier.count("missing");
  await until("a report fails", () => failures().some((why) => why.startsWith("500")));
  fake.instead = undefined;
  const [report] = await until("a report", () => fake.reports.length > 0 && fake.reports);
  const counts = report?.counts.map(({ version, verdict, count }) => [version, verdict, count]).sort();
  assert.deepEqual(
    counts,
    [
      ["v-1", "accepted", 2],
      [null, "missing", 1],
      [null, "unknown", 1],
    ].sort(),
  );
  assert.ok(report?.counts.every(({ last_ms_ago: ago }) => ago >= 0 && Number.isInteger(ago)));
  verifier.verify(TOKEN);
  await verifier.close();
  assert.equal(fake.reports.at(-1)?.counts[0]?.count, 1, "the last one at the end, and nothing twice");
});

test("options that make no sense, or give access away, are refused with what to do", async () => {
  const good = { url: "http://127.0.0.1:1", credential: CREDENTIAL, audience: AUDIENCE };
  // As a variable of the environment that is not set arrives from JavaScript.
  const unset = undefined as unknown as string;
  for (const [what, options, why] of [
    ["plain HTTP that leaves the machine", { ...good, url: "http://crossfade.internal:8750" }, /use https/],
    ["one of several", { ...good, url: ["https://a.example", "http://b.example"] }, /use https/],
    ["a name that looks like loopback", { ...good, url: "http://127.0.0.1.example.com" }, /use https/],
    ["no URL", { ...good, url: "crossfade" }, /not a URL/],
    ["another scheme", { ...good, url: "ftp://127.0.0.1" }, /use https/],
    ["no replica", { ...good, url: [] }, /no replica/],
    ["a credential in the URL", { ...good, url: "https://id:secret@crossfade" }, /goes into `credential`/],
    ["a credential of two lines", { ...good, credential: "a\nb" }, /crossfade credential/],
    ["an audience that fits no header", { ...good, audience: "a\nb" }, /ASCII/],
    ["a name that the daemon won't take", { ...good, instance: "a b" }, /instance/],
    ["a negative hold", { ...good, maxHoldMs: -1 }, /maxHoldMs/],
    ["no hold at all", { ...good, maxHoldMs: 0 }, /more than 0/],
    ["no URL at all", { ...good, url: unset }, /`url` is missing/],
    ["no URL in a list", { ...good, url: [good.url, unset] }, /`url` is missing/],
    ["no audience", { ...good, audience: unset }, /`audience` is missing/],
    ["no credential", { ...good, credential: unset }, /`credential` is missing/],
    ["null for a credential", { ...good, credential: null as unknown as string }, /`credential` is missing/],
    ["an empty credential", { ...good, credential: "" }, /crossfade credential/],
    ["a CA alone", { ...good, url: "https://a.example", credential: unset, tls: { ca: "" } }, /`credential` is missing/],
    ["a certificate that plain HTTP can't show", { ...good, credential: unset, tls: { cert: "", key: "" } }, /`credential` is missing/],
    ["an empty path of a cache", { ...good, cacheFile: "" }, /`cacheFile` is empty/],
  ] as const) {
    await assert.rejects(Verifier.connect(options), (error: Error) => {
      assert.match(error.message, why, what);
      assert.ok(error instanceof TypeError && !error.message.includes("secret"), what);
      return true;
    });
  }
  for (const secret of [unset, ""]) assert.throws(() => new TokenSource({ ...good, secret }), /`secret` is missing/);
  assert.throws(() => new TokenSource({ ...good, credential: unset, secret: "s" }), /`credential` is missing/);
});
