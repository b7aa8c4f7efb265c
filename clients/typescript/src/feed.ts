/** One question to the feed, `GET /v1/accept-set`: from an answer to a view, or to the reason why it is dropped. */

import { randomBytes } from "node:crypto";

import { AcceptSet, MAX_SET_BYTES } from "./accept-set.js";
import type { Clock } from "./clock.js";
import { FeedError, type Answer, type Replica } from "./http.js";
import { placeOf, type Dropped, type Place } from "./timing.js";
import type { View } from "./verdict.js";

/** What is applied, and where it came from. */
export interface Applied {
  readonly view: View;
  /** Undefined: it came from a file, and its whole set is asked for. */
  readonly etag: string | undefined;
  /** The text of the set, as it came. */
  readonly json: Buffer;
  /** The replica that sent it. */
  readonly feed: string;
}

/** An answer that can't be used. What is applied stays, at its own age. */
export class DroppedError extends FeedError {
  readonly dropped: Dropped;

  constructor(dropped: Dropped) {
    super(`the answer is dropped: ${WHY[dropped]}`);
    this.dropped = dropped;
  }
}

const WHY: Record<Dropped, string> = {
  no_timing: "it has no `Crossfade-Timing`",
  bad_timing: "its `Crossfade-Timing` can't be read",
  other_nonce: "it is not to this request; a cache may stand in between",
  clocks_parted: "this machine's two clocks disagree on how long it took",
  older: "it is older than what is applied already",
};

export interface Question {
  readonly audience: string;
  readonly instance: string;
  readonly clock: Clock;
  /** What counts now; read again when the answer has come, since another one may have been applied meanwhile. */
  readonly applied: () => Applied | undefined;
  /** Called with what is to be applied, in the same turn in which it was found to be no older. */
  readonly apply: (next: Applied) => void;
  readonly waitS: number;
  /** A request waits: the daemon reads the store first, where its view is older than a third of freshness. */
  readonly noCache: boolean;
  readonly timeoutMs: number;
  /** As in `Ask`. */
  readonly bodyMs?: number | undefined;
  readonly signal?: AbortSignal;
}

const ETAG = /^"[\x21\x23-\x7e]{1,128}"$/;

/** What an answer has brought. */
export interface Told {
  /** Another content than before. */
  readonly changed: boolean;
  /** The replica may be about to end. */
  readonly closes: boolean;
}

/** Asks once, and applies the answer. Throws a FeedError, or a SetError. */
export async function ask(replica: Replica, question: Question): Promise<Told> {
  const { audience, instance, clock, applied, apply, waitS, noCache, timeoutMs, bodyMs, signal } = question;
  const nonce = randomBytes(16).toString("hex");
  const known = applied()?.etag;
  const sent = clock();
  let received = sent;
  const answer = await replica.ask(`/v1/accept-set?audience=${encodeURIComponent(audience)}`, {
    headers: {
      "crossfade-nonce": nonce,
      "crossfade-instance": instance,
      ...(known !== undefined && { "if-none-match": known }),
      ...(known !== undefined && waitS > 0 && { prefer: `wait=${waitS}` }),
      ...(noCache && { "cache-control": "no-cache" }),
    },
    timeoutMs,
    bodyMs,
    maxBytes: MAX_SET_BYTES,
    signal,
    onHead: () => {
      received = clock();
    },
  });
  const etag = checked(answer, known);
  const before = applied();
  const place = placeOf(answer.headers("crossfade-timing"), { nonce, sent, received }, placeIn(before));
  if (typeof place === "string") throw new DroppedError(place);
  const taken = { ...place, taken: received, complete: true };
  const told = { changed: before?.etag !== etag, closes: answer.closes };
  if (answer.status === 304) {
    // It speaks of what was applied when it was asked; another answer may have come since.
    if (before?.etag !== etag) throw new DroppedError("older");
    apply({ ...before, view: { ...taken, set: before.view.set }, feed: replica.url.href });
    return told;
  }
  const set = AcceptSet.parse(answer.body, audience);
  apply({ view: { ...taken, set }, etag, json: answer.body, feed: replica.url.href });
  return told;
}

/** What a file says holds back no answer: whatever stands in it is over with the first one. */
function placeIn(applied: Applied | undefined): Place | undefined {
  if (applied?.view.complete !== true) return undefined;
  return { nowMs: applied.view.nowMs, ageMs: applied.view.ageMs };
}

/** The ETag of an answer that may be read further. */
function checked(answer: Answer, known: string | undefined): string {
  const { status } = answer;
  if (status !== 200 && !(status === 304 && known !== undefined)) throw new FeedError(refusal(status));
  if (answer.headers("content-encoding").some((encoding) => encoding !== "identity")) {
    throw new FeedError("the answer is compressed, which was not asked for; something stands in between");
  }
  const [etag, second] = answer.headers("etag");
  if (etag === undefined || second !== undefined || !ETAG.test(etag)) throw new FeedError("the answer has no one ETag");
  if (status === 304 && etag !== known) throw new FeedError("a 304 with another ETag than was asked about");
  return etag;
}

function refusal(status: number): string {
  if (status === 401) return "401: the daemon doesn't know this credential; see `clients` in its config";
  if (status === 403)
    return "403: this credential may not verify for this audience; see `clients` in the daemon's config";
  if (status === 503) return "503: the daemon has not read every secret of this audience yet, or is busy";
  if (status >= 300 && status < 400) return `${status}: a redirect, which is never followed; give the daemon's own URL`;
  return `${status}: not an answer of the feed`;
}
