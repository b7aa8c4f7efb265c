/** How time passes for a verifier, where a machine's clocks do odd things. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { clockOf, elapsedMs, machineClock, parted } from "../src/clock.js";
import { logger } from "../src/events.js";

function machine() {
  const at = { boot: 5_000, monotonic: 70, wall: 1_000_000, reads: 0 };
  const clock = clockOf({
    bootMs: () => ((at.reads += 1), at.boot),
    monotonicMs: () => at.monotonic,
    wallMs: () => at.wall,
  });
  const forward = (ms: number, clocks: ("boot" | "monotonic" | "wall")[] = ["boot", "monotonic", "wall"]) => {
    for (const each of clocks) at[each] += ms;
  };
  return { at, clock, forward };
}

test("the boot clock is read seldom, and carried on in between", () => {
  const { at, clock, forward } = machine();
  const first = clock();
  for (let n = 0; n < 1_000; n += 1) {
    forward(1);
    assert.deepEqual(clock(), { bootMs: first.bootMs + n + 1, wallMs: first.wallMs + n + 1 });
  }
  assert.ok(at.reads <= 3);
});

test("a suspended machine is seen at once: its monotonic clock stood still", () => {
  const { clock, forward } = machine();
  const before = clock();
  forward(3_600_000, ["boot", "wall"]);
  const after = clock();
  assert.equal(elapsedMs(before, after), 3_600_000);
  assert.equal(parted(before, after), false);
});

test("a wall clock that was set makes the two part, and the one that says more counts", () => {
  const { clock, forward } = machine();
  const before = clock();
  forward(10_000, ["wall"]);
  assert.equal(elapsedMs(before, clock()), 10_000);
  assert.equal(parted(before, clock()), true);
  forward(-20_000, ["wall"]);
  assert.equal(elapsedMs(before, clock()), 0, "what ran back counts as nothing");
  assert.equal(parted(before, clock()), true);
});

test("this machine's clocks run forward together", async () => {
  const before = machineClock();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const after = machineClock();
  assert.ok(elapsedMs(before, after) >= 1_000);
  assert.equal(parted(before, after), false);
  assert.ok(Number.isSafeInteger(after.bootMs) && Number.isSafeInteger(after.wallMs));
});

test("a failure is logged once, until it is another one or is over", () => {
  const lines: string[] = [];
  const log = logger((line) => lines.push(line));
  const failed = (why: string) => log({ type: "feed_failed", feed: "https://a/", error: new Error(why) });
  for (const why of ["gone", "gone", "503", "503"]) failed(why);
  log({ type: "verdict", verdict: "accepted", version: "v" });
  const applied = { type: "applied", changed: true, entries: 1, feed: "https://a/" } as const;
  log(applied);
  log(applied);
  failed("503");
  assert.deepEqual(
    lines.map((line) => line.replace("crossfade: ", "")),
    [
      "feed_failed (https://a/): gone",
      "feed_failed (https://a/): 503",
      "https://a/ answers again",
      "feed_failed (https://a/): 503",
    ],
  );
});
