/** The one decision on a presented token. It reads no clock and does no I/O. */

import type { AcceptSet, Entry, Stage } from "./accept-set.js";
import { elapsedMs, parted, type Moment } from "./clock.js";
import { digestOf } from "./digest.js";
import { shape } from "./shape.js";

/** An accept set and its place in time, on the caller's clocks. */
export interface View {
  readonly set: AcceptSet;
  /** The store's time at `taken`, unix ms. */
  readonly nowMs: number;
  /** How long ago, at `taken`, the store had been read. */
  readonly ageMs: number;
  /** When the view was taken, on the caller's clocks. */
  readonly taken: Moment;
  /** False: what is unknown here may well be right, as in a view from a cache file. */
  readonly complete: boolean;
}

/** What an accepted token stands for. */
export interface Grant {
  /** The bot's lasting name; the same for each version of a secret. */
  readonly clientId: string;
  /** Who called, by a name that lasts: for a token of a secret that is `clientId`. */
  readonly principal: string;
  readonly scopes: readonly string[];
  /** For how long from the decision it may be relied on. No point in time, since no two machines' clocks are compared. */
  readonly expiresInMs: number;
  /** What the token belongs to. Other kinds may be added, so look at `kind` first. */
  readonly source: Source;
}

/** The version of a secret whose token it is. */
export interface Source {
  readonly kind: "secret";
  readonly name: string;
  readonly version: string;
  readonly stage: Stage;
  /** When the version was made, on the store's clock. */
  readonly created: Date;
}

/** Why a token is refused. For metrics and logs: the caller is told none of it. */
export type Reason = "malformed" | "unknown" | "expired";

/** Accepted: let it in. Refused: 401. Unsure: refresh and decide again; if that can't be done 503, never 401. */
export type Verdict =
  | { readonly verdict: "accepted"; readonly grant: Grant }
  | { readonly verdict: "refused"; readonly reason: Reason }
  | { readonly verdict: "unsure" };

export const UNSURE: Verdict = { verdict: "unsure" };

/** How long ago the store was read. */
export function ageMs(view: View, at: Moment): number {
  return view.ageMs + elapsedMs(view.taken, at);
}

/** Whether a refusal may rest on it. */
export function isFresh(view: View, at: Moment): boolean {
  return view.complete && !parted(view.taken, at) && ageMs(view, at) < view.set.freshnessMs;
}

/**
 * Whether a token may be accepted by it at once. Whoever can wait, and accepts by one that is not young, asks for a
 * younger one first. `spreadMs`: so much earlier, so that not all who follow one daemon ask at once.
 */
export function isYoung(view: View, at: Moment, maxHoldMs = Infinity, spreadMs = 0): boolean {
  const { freshnessMs, holdMs, acceptWithinMs = freshnessMs } = view.set;
  return ageMs(view, at) + spreadMs < Math.min(acceptWithinMs, holdMs, maxHoldMs);
}

/**
 * Decides on a presented token.
 *
 * - What is malformed is refused, whatever is known.
 * - Without a view, and from one older than `hold`, nothing follows: unsure.
 * - A token whose entry has no deadline, or one that lies ahead, is accepted.
 * - One past its deadline, and one that is unknown, is refused if the view is fresh. Else: unsure.
 *
 * `maxHoldMs` is the caller's own bound; the smaller of the two counts.
 */
export function decide(view: View | undefined, presented: string, at: Moment, maxHoldMs = Infinity): Verdict {
  if (shape(presented) === "malformed") return { verdict: "refused", reason: "malformed" };
  if (view === undefined || ageMs(view, at) > Math.min(view.set.holdMs, maxHoldMs)) return UNSURE;
  const entry = view.set.find(digestOf(presented));
  if (entry === undefined) return refuse(view, "unknown", at);
  const nowMs = view.nowMs + elapsedMs(view.taken, at);
  if (entry.notAfterMs !== null && nowMs >= entry.notAfterMs) return refuse(view, "expired", at);
  return { verdict: "accepted", grant: grantOf(entry, nowMs) };
}

function refuse(view: View, reason: Reason, at: Moment): Verdict {
  return isFresh(view, at) ? { verdict: "refused", reason } : UNSURE;
}

/** A later one would be no date. */
const MAX_DATE_MS = 8.64e15;

/** Without a deadline: if the token were replaced this moment, it would have its whole grace. */
function grantOf(entry: Entry, nowMs: number): Grant {
  const { clientId, scopes, secret: name, version, stage, createdMs, notAfterMs, graceMs } = entry;
  const source: Source = { kind: "secret", name, version, stage, created: new Date(Math.min(createdMs, MAX_DATE_MS)) };
  return { clientId, principal: clientId, scopes, expiresInMs: notAfterMs === null ? graceMs : notAfterMs - nowMs, source };
}
