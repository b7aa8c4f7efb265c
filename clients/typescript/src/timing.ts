/**
 * What an answer of the feed says of its place in time, and whether it counts (docs/protocol.md). No two machines'
 * clocks are compared: the answer says how old it was when it was written and how long it was held, and the
 * verifier's own clocks say how long the rest took.
 */

import { elapsedMs, parted, type Moment } from "./clock.js";

/** Where a view stands in the store's time, unix ms. */
export interface Place {
  readonly nowMs: number;
  /** How long before that the store was read. */
  readonly ageMs: number;
}

/** One request, as the verifier saw it. */
export interface Exchange {
  readonly nonce: string;
  /** Before the request was sent. */
  readonly sent: Moment;
  /** When the answer's head had come. */
  readonly received: Moment;
}

/** Why an answer is dropped. What is applied stays, at its own age. */
export type Dropped = "no_timing" | "bad_timing" | "other_nonce" | "clocks_parted" | "older";

const NUMBER = "(0|[1-9][0-9]{0,15})";
const TIMING = new RegExp(`^now=${NUMBER}, age=${NUMBER}, held=${NUMBER}(?:, nonce=([A-Za-z0-9._-]{1,64}))?$`);

/** The view's place at `received`, or why the answer is dropped. `timings`: all headers of that name. */
export function placeOf(timings: readonly string[], exchange: Exchange, applied?: Place): Place | Dropped {
  const [timing, second] = timings;
  if (timing === undefined) return "no_timing";
  const stated = TIMING.exec(timing);
  if (second !== undefined || stated === null) return "bad_timing";
  const [nowMs, ageMs, heldMs] = stated.slice(1, 4).map(Number) as [number, number, number];
  if (![nowMs, ageMs, heldMs].every(Number.isSafeInteger) || ageMs > nowMs) return "bad_timing";
  const { nonce, sent, received } = exchange;
  if (stated[4] !== nonce) return "other_nonce";
  if (parted(sent, received)) return "clocks_parted";
  if (applied !== undefined && nowMs - ageMs < readMs(applied)) return "older";
  const transitMs = Math.max(0, elapsedMs(sent, received) - heldMs);
  return { nowMs: nowMs + transitMs, ageMs: ageMs + transitMs };
}

/** When the store was read, on its own clock. */
function readMs({ nowMs, ageMs }: Place): number {
  return nowMs - ageMs;
}
