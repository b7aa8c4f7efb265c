/**
 * What a verdict costs beside one SHA-256 of the same token, while the feed is followed. `cargo xtask bench clients` runs
 * this, and reads what it prints: a name and nanoseconds of CPU time on each line.
 */

import { hash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import { requireToken, Verifier } from "../src/index.js";
import { AUDIENCE, CREDENTIAL, FakeFeed, setOf } from "../test/support/fake-feed.js";
import { vectors } from "../test/support/vectors.js";

const ROUNDS = 5;
const TIMES = 100_000;

const { tokens } = vectors<{ tokens: { token: string; shape: string }[] }>("tokens");
const [CURRENT, PREVIOUS, UNKNOWN] = tokens.filter(({ shape }) => shape === "ours").map(({ token }) => token) as [
  string,
  string,
  string,
];
const MALFORMED = `${CURRENT.slice(0, -1)}${CURRENT.endsWith("0") ? "1" : "0"}`;

function measured(work: () => unknown): number {
  const began = process.cpuUsage();
  for (let n = 0; n < TIMES; n += 1) work();
  const { user, system } = process.cpuUsage(began);
  return ((user + system) * 1_000) / TIMES;
}

function median(of: number[]): number {
  return of.toSorted((one, other) => one - other)[of.length >> 1] as number;
}

/** As much of a request as a guard looks at; a new one each time, since the guard takes the token out. */
function request(bearer: string): IncomingMessage {
  const authorization = `Bearer ${bearer}`;
  const rawHeaders = ["Host", "mcp.example.com", "Authorization", authorization];
  return { method: "POST", url: "/mcp", rawHeaders, headers: { host: "mcp.example.com", authorization } } as IncomingMessage;
}

const notAfterMs = Date.now() + 86_400_000;
const entries = [{ token: CURRENT }, { token: PREVIOUS, stage: "previous", version: "v-0", notAfterMs }];
const feed = await FakeFeed.start(setOf({ freshnessMs: 3_600_000, entries }));
const verifier = await Verifier.connect({ url: feed.url, credential: CREDENTIAL, audience: AUDIENCE });
const [guard, response, next] = [requireToken(verifier), {} as ServerResponse, () => undefined];
const cases: Record<string, () => unknown> = {
  sha256_ns: () => hash("sha256", CURRENT, "buffer"),
  accepted_ns: () => verifier.verify(CURRENT),
  previous_ns: () => verifier.verify(PREVIOUS),
  unknown_ns: () => verifier.verify(UNKNOWN),
  malformed_ns: () => verifier.verify(MALFORMED),
  bare_ns: () => request(CURRENT),
  guard_ns: () => guard(request(CURRENT), response, next),
};
const taken = Object.fromEntries(Object.keys(cases).map((name) => [name, [] as number[]]));
// The first round is for the compiler.
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const [name, work] of Object.entries(cases)) {
    const took = measured(work);
    if (round > 0) taken[name]?.push(took);
  }
}
for (const [name, rounds] of Object.entries(taken)) console.log(name, Math.round(median(rounds)));
await verifier.close();
await feed.stop();
