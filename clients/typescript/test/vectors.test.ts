/** The golden vectors, which verifiers in other languages read too. Counted, so that none is lost unseen. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { AcceptSet, SetError } from "../src/accept-set.js";
import { digestOf, parseDigest } from "../src/digest.js";
import { checksum, shape } from "../src/shape.js";
import { placeOf } from "../src/timing.js";
import { decide, type Verdict } from "../src/verdict.js";
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
    assert.equal(digestOf(token).toString("base64url"), digest, name);
    assert.deepEqual(parseDigest(digest), digestOf(token), name);
  }
});

interface AcceptSets {
  good: { name: string; audience: string; json: string; canonical: string; expected: Record<string, unknown> }[];
  bad: { name: string; audience: string; json: string; reason: string }[];
}

test("good accept sets are read and written as the vectors say", () => {
  const { good } = vectors<AcceptSets>("accept_sets");
  assert.ok(good.length >= 20, "cases are missing");
  for (const { name, audience, json, canonical, expected } of good) {
    const set = AcceptSet.parse(Buffer.from(json), audience);
    assert.equal(set.toJson(), canonical, name);
    const { format, audience: read, ...rest } = JSON.parse(set.toJson()) as Record<string, unknown>;
    assert.deepEqual({ ...rest }, expected, name);
    assert.deepEqual([format, read], [1, audience], name);
    for (const entry of set.entries) assert.equal(set.find(entry.digest), entry, name);
  }
});

test("bad accept sets are rejected for the reason that the vectors say", () => {
  const { bad } = vectors<AcceptSets>("accept_sets");
  assert.ok(bad.length >= 117, "cases are missing");
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

interface Verdicts {
  audience: string;
  sets: Record<string, string>;
  cases: {
    name: string;
    set: string | null;
    view: { now_ms: number; age_ms: number; taken: JsonMoment; complete: boolean } | null;
    at: JsonMoment;
    presented: string;
    expected: Record<string, unknown>;
  }[];
}

test("tokens are decided as the vectors say", () => {
  const { audience, sets, cases } = vectors<Verdicts>("verdicts");
  assert.ok(cases.length >= 102, "cases are missing");
  for (const { name, set, view, at, presented, expected } of cases) {
    const known =
      set !== null && view !== null
        ? {
            set: AcceptSet.parse(Buffer.from(sets[set] ?? ""), audience),
            nowMs: view.now_ms,
            ageMs: view.age_ms,
            taken: moment(view.taken),
            complete: view.complete,
          }
        : undefined;
    assert.deepEqual(asExpected(decide(known, presented, moment(at))), expected, name);
  }
});

function asExpected(verdict: Verdict): Record<string, unknown> {
  if (verdict.verdict !== "accepted") return { ...verdict };
  return { verdict: "accepted", version: verdict.grant.version, expires_ms: verdict.grant.expiresMs };
}

test("an acceptance ends on this machine's clock, whatever the store's says", () => {
  const { audience, sets, cases } = vectors<Verdicts>("verdicts");
  const found = cases.find(({ expected }) => expected["verdict"] === "accepted");
  assert.ok(found?.set);
  const here = { bootMs: 5_000, wallMs: 1_000_000_999 };
  const nowMs = 1_795_000_000_000;
  const set = AcceptSet.parse(Buffer.from(sets[found.set] ?? ""), audience);
  const verdict = decide({ set, nowMs, ageMs: 0, taken: here, complete: true }, found.presented, here);
  assert.ok(verdict.verdict === "accepted");
  const { expiresAt, expiresMs } = verdict.grant;
  assert.equal(expiresAt, Math.floor((here.wallMs + expiresMs - nowMs) / 1_000));
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
