/** What was decided since the last report, so that people see who still uses which version. It feeds no decision. */

import { elapsedMs, type Clock, type Moment } from "./clock.js";

/** As `POST /v1/reports` names them. */
export type Outcome =
  | "accepted"
  | "unsure"
  | "malformed"
  | "unknown"
  | "expired"
  | "missing"
  | "wrong_scheme"
  | "conflict"
  | "insufficient_scope";

interface Count {
  readonly version: string | null;
  readonly verdict: Outcome;
  count: number;
  last: Moment;
}

/** So that a body stays below 16 KiB, with the longest version ids. */
const COUNTS_A_REPORT = 64;
const MAX_COUNT = 2 ** 32 - 1;

export class Counts {
  /** Bounded: versions are those of accept sets, and are gone with the report. */
  #counts = new Map<string, Count>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(verdict: Outcome, version: string | null, at = this.#clock()): void {
    const key = `${verdict} ${version ?? ""}`;
    const known = this.#counts.get(key);
    if (known === undefined) {
      this.#counts.set(key, { version, verdict, count: 1, last: at });
    } else {
      known.count = Math.min(known.count + 1, MAX_COUNT);
      known.last = at;
    }
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  /** Sends all of it, in parts. What `send` throws on is kept for the next time. */
  async report(audience: string, instance: string, send: (body: string) => Promise<void>): Promise<void> {
    const all = [...this.#counts.values()];
    this.#counts = new Map();
    for (let at = 0; at < all.length; at += COUNTS_A_REPORT) {
      const now = this.#clock();
      const counts = all.slice(at, at + COUNTS_A_REPORT).map(({ version, verdict, count, last }) => {
        return { version, verdict, count, last_ms_ago: Math.round(elapsedMs(last, now)) };
      });
      try {
        await send(JSON.stringify({ audience, instance, counts }));
      } catch (error) {
        for (const count of all.slice(at)) this.#keep(count);
        throw error;
      }
    }
  }

  #keep(count: Count): void {
    const key = `${count.verdict} ${count.version ?? ""}`;
    const newer = this.#counts.get(key);
    if (newer === undefined) this.#counts.set(key, count);
    else newer.count = Math.min(newer.count + count.count, MAX_COUNT);
  }
}
