/** The golden vectors, which verifiers in other languages read too. Counted, so that none is lost unseen. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { AcceptSet, SetError } from "../src/accept-set.js";
import { parseCache } from "../src/cache.js";
import { digestOf, parseDigest } from "../src/digest.js";
import { closedMs, Gate, heldMs, retryAfterMs, unheldMs, type Need } from "../src/pace.js";
import { checksum, shape } from "../src/shape.js";
import { placeOf } from "../src/timing.js";
import { decide, isYoung, type View } from "../src/verdict.js";
import { moment, vectors, type JsonMoment } from "./support/vectors.js";

interface Tokens {
  checksums: { body: string; checksum: string }[];
  tokens: { name: string; token: string; shape: string; digest: string }[];
}

test("tokens have the shape, the digest and the checksum that the vectors say", () => {
  const { checksums, tokens } = vectors<Tokens>("tokens");
  assert.ok(checksums.length >= 7 && tokens.length >= 49, "cases are missing");
  for (const { body, checksum: want } of checksums) assert.equal(checksum(body), want, body);
  for (const { name, token, shape: want, digest } of tokens) {
    assert.equal(shape(token), want, name);
    assert.equal(digestOf(token), digest, name);
    assert.equal(parseDigest(digest)?.toString("base64url"), digestOf(token), name);
  }
});

interface AcceptSets {
  good: { name: string; audience: string; json: string; canonical: string; expected: Record<string, unknown> }[];
  bad: { name: string; audience: string; json: string; reason: string }[];
}

test("good accept sets are read and written as the vectors say", () => {
  const { good } = vectors<AcceptSets>("accept_sets");
  assert.ok(good.length >= 25, "cases are missing");
  for (const { name, audience, json, canonical, expected } of good) {
    const set = AcceptSet.parse(Buffer.from(json), audience);
    assert.equal(set.toJson(), canonical, name);
    const { format, audience: read, ...rest } = JSON.parse(set.toJson()) as Record<string, unknown>;
    assert.deepEqual({ ...rest }, expected, name);
    assert.deepEqual([format, read], [1, audience], name);
    for (const entry of set.entries) assert.equal(set.find(entry.digest.toString("base64url")), entry, name);
  }
});

test("bad accept sets are rejected for the reason that the vectors say", () => {
  const { bad } = vectors<AcceptSets>("accept_sets");
  assert.ok(bad.length >= 124, "cases are missing");
  for (const { name, audience, json, reason } of bad) {
    assert.equal(fault(Buffer.from(json), audience), reason, name);
  }
});

test("what is too large or no UTF-8 is rejected too, and so is the longest string", () => {
  assert.equal(fault(Buffer.alloc(32 * 1024 * 1024 + 1, " "), "a"), "too_large");
  assert.equal(fault(Buffer.from([0x22, 0xff, 0x22]), "a"), "not_json");
  assert.equal(fault(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "a"), "not_json", "a surrogate in UTF-8");
  const long = Buffer.alloc(32 * 1024 * 1024, "\\n");
  long.write('{"a":"');
  assert.equal(fault(long, "a"), "not_json", "no stack runs over");
});

function fault(json: Buffer, audience: string): string {
  try {
    AcceptSet.parse(json, audience);
    return "none";
  } catch (error) {
    if (error instanceof SetError) return error.fault;
    throw error;
  }
}

interface JsonView {
  now_ms: number;
  age_ms: number;
  taken: JsonMoment;
  complete: boolean;
}

interface Verdicts {
  audience: string;
  sets: Record<string, string>;
  cases: {
    name: string;
    set: string | null;
    view: JsonView | null;
    max_hold_ms?: number;
    at: JsonMoment;
    presented: string;
    expected: Record<string, unknown>;
  }[];
}

function viewOf(json: string, audience: string, { now_ms: nowMs, age_ms, taken, complete }: JsonView): View {
  return { set: AcceptSet.parse(Buffer.from(json), audience), nowMs, ageMs: age_ms, taken: moment(taken), complete };
}

test("tokens are decided as the vectors say", () => {
  const { audience, sets, cases } = vectors<Verdicts>("verdicts");
  assert.ok(cases.length >= 131, "cases are missing");
  for (const { name, set, view, max_hold_ms: maxHoldMs, at, presented, expected } of cases) {
    const known = set !== null && view !== null ? viewOf(sets[set] ?? "", audience, view) : undefined;
    const verdict = decide(known, presented, moment(at), maxHoldMs);
    if (verdict.verdict !== "accepted") {
      assert.deepEqual({ ...verdict }, expected, name);
      continue;
    }
    assert.ok(known !== undefined && view !== null);
    const { source, expiresInMs } = verdict.grant;
    const elapsed = Math.max(0, at.boot_ms - view.taken.boot_ms, at.wall_ms - view.taken.wall_ms);
    const expires = view.now_ms + elapsed + expiresInMs;
    const young = isYoung(known, moment(at), maxHoldMs);
    assert.deepEqual({ verdict: "accepted", version: source.version, expires_ms: expires, young }, expected, name);
  }
});

interface Grants {
  audience: string;
  set: string;
  cases: { name: string; view: JsonView; at: JsonMoment; presented: string; expected: Record<string, unknown> }[];
}

test("a server is told of an accepted token what the vectors say", () => {
  const { audience, set, cases } = vectors<Grants>("grants");
  assert.ok(cases.length >= 10, "cases are missing");
  for (const { name, view, at, presented, expected } of cases) {
    const verdict = decide(viewOf(set, audience, view), presented, moment(at));
    assert.ok(verdict.verdict === "accepted", name);
    const { clientId: client_id, principal, scopes, expiresInMs: expires_in_ms, source } = verdict.grant;
    const { created, ...rest } = source;
    const told = { client_id, principal, scopes, expires_in_ms, source: { ...rest, created_ms: created.getTime() } };
    assert.deepEqual(told, expected, name);
  }
});

test("a version from beyond the last date has a date all the same", () => {
  const { audience, set, cases } = vectors<Grants>("grants");
  const [{ view, at, presented }] = cases as [Grants["cases"][number]];
  const late = set.replaceAll(/"created_ms":\d+/g, `"created_ms":${2 ** 53 - 1}`);
  const verdict = decide(viewOf(late, audience, view), presented, moment(at));
  assert.ok(verdict.verdict === "accepted" && verdict.grant.source.created.toISOString() !== "");
});

interface Caches {
  cases: {
    name: string;
    file: string;
    audience: string;
    feed: string[];
    boot: string;
    at: JsonMoment;
    expected: { now_ms: number; age_ms: number; entries: number } | { unused: string };
  }[];
}

test("a cache file says what the vectors say", () => {
  const { cases } = vectors<Caches>("caches");
  assert.ok(cases.length >= 40, "cases are missing");
  for (const { name, file, audience, feed, boot, at, expected } of cases) {
    const view = parseCache(Buffer.from(file), { audience, feed, boot, at: moment(at) });
    if (typeof view === "string") {
      assert.deepEqual({ unused: view }, expected, name);
      continue;
    }
    assert.equal(view.complete, false, name);
    const now = moment(at);
    const elapsed = Math.max(0, now.bootMs - view.taken.bootMs, now.wallMs - view.taken.wallMs);
    const told = { now_ms: view.nowMs + elapsed, age_ms: view.ageMs + elapsed, entries: view.set.entries.length };
    assert.deepEqual(told, expected, name);
  }
});

interface Pace {
  retry: { name: string; failures_before: number; freshness_ms: number | null; random: number; wait_ms: number }[];
  held: { name: string; freshness_ms: number; limit_ms: number }[];
  unheld: {
    name: string;
    freshness_ms: number;
    took_ms: number;
    changed: boolean;
    soon_before?: boolean;
    random: number;
    wait_ms: number;
  }[];
  closed: { name: string; random: number; wait_ms: number }[];
  gate: {
    name: string;
    random: number;
    events: { at: JsonMoment; ask?: Need; answer?: string; end?: "succeeded" | "failed"; of?: number }[];
  }[];
}

test("another set that comes at once is waited after only where the answer before it came at once too", () => {
  const waits = (tookMs: number, soonBefore: boolean) => unheldMs(2_000, tookMs, true, soonBefore, 1);
  assert.deepEqual([waits(499, false), waits(499, true), waits(500, true)], [0, 500, 0]);
});

test("it asks, and waits, as the vectors say", () => {
  const { retry, held, unheld, closed, gate } = vectors<Pace>("pace");
  assert.ok(held.length >= 6 && unheld.length >= 8 && closed.length >= 3, "cases are missing");
  for (const { name, freshness_ms: freshnessMs, limit_ms: limit } of held) {
    assert.equal(heldMs(freshnessMs), limit, name);
  }
  for (const { name, freshness_ms: freshnessMs, took_ms: took, changed, soon_before, random, wait_ms: wait } of unheld) {
    assert.equal(unheldMs(freshnessMs, took, changed, soon_before ?? false, random), wait, name);
  }
  for (const { name, random, wait_ms: wait } of closed) assert.equal(closedMs(random), wait, name);
  assert.ok(retry.length >= 14 && gate.length >= 16, "cases are missing");
  for (const { name, failures_before: failures, freshness_ms: freshnessMs, random, wait_ms: wait } of retry) {
    assert.equal(retryAfterMs(failures, freshnessMs ?? undefined, random), wait, name);
  }
  for (const { name, random, events } of gate) {
    const [played, started] = [new Gate(), [] as JsonMoment[]];
    for (const { at, ask, answer, end, of } of events) {
      const what = `${name}, at ${at.boot_ms}, ${at.wall_ms}`;
      if (ask === undefined) {
        const ended = started[(of ?? started.length) - 1] as JsonMoment;
        played.ended(moment(ended), end === "succeeded", moment(at));
      } else {
        assert.equal(played.ask(ask, moment(at), random), answer, what);
        if (answer === "start") started.push(at);
      }
    }
  }
});

interface Timings {
  cases: {
    name: string;
    status: number;
    nonce: string;
    timing: string[];
    sent: JsonMoment;
    received: JsonMoment;
    applied: { now_ms: number; age_ms: number } | null;
    expected: { now_ms: number; age_ms: number } | { dropped: string };
  }[];
}

test("an answer's place in time is what the vectors say", () => {
  const { cases } = vectors<Timings>("timings");
  assert.ok(cases.length >= 80, "cases are missing");
  for (const { name, nonce, timing, sent, received, applied, expected } of cases) {
    const exchange = { nonce, sent: moment(sent), received: moment(received) };
    const before = applied === null ? undefined : { nowMs: applied.now_ms, ageMs: applied.age_ms };
    const place = placeOf(timing, exchange, before);
    const read = typeof place === "string" ? { dropped: place } : { now_ms: place.nowMs, age_ms: place.ageMs };
    assert.deepEqual(read, expected, name);
  }
});
