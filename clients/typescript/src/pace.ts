/** When a verifier asks, and who waits for it. Nothing here reads a clock or draws a number. */

import { elapsedMs, type Moment } from "./clock.js";

/** How long a refresh may take, for all who wait for it. */
export const REFRESH_MS = 2_000;
/** One that runs still so long after its start was overtaken by a freeze, and not by a timer that is a little late. */
const FROZEN_MS = 3_000;
/** After a refresh nobody begins another one for so long, so that garbage can't drive requests. */
const COOL_DOWN_MS = 1_000;
/** How long a failed refresh holds back those that could do without, at first and at most. */
const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
/**
 * A failure is forgotten so long after its wait is over: in an outage somebody has tried again by then, and where nobody
 * has, the process may have been frozen, and what failed before that says nothing.
 */
const FORGOTTEN_AFTER_MS = 2_000;
/** How long the follower waits after a failure, at first and at most. */
const RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;
/** A request is held for so long at most. */
const MAX_HELD_MS = 60_000;
/** An answer that comes sooner may not have been held. */
const SOON_MS = 1_000;
/** Before another replica is asked in the place of one that ends, at most. */
const CLOSED_MS = 500;

/**
 * How long to wait after one more failure in a row: full jitter, so that those who failed together don't come back
 * together. `random` is from 0 to 1.
 */
export function jitteredMs(baseMs: number, failuresBefore: number, capMs: number, random: number): number {
  return random * Math.min(capMs, baseMs * 2 ** failuresBefore);
}

/** How long to wait before the feed is asked again; `freshnessMs` is undefined where there is no set yet. */
export function retryAfterMs(failuresBefore: number, freshnessMs: number | undefined, random: number): number {
  const capMs = Math.min(MAX_RETRY_MS, (freshnessMs ?? Infinity) / 2);
  return jitteredMs(RETRY_MS, failuresBefore, capMs, random);
}

/** How long an answer that is held may take: it has to come while there is time to ask another replica. */
export function heldMs(freshnessMs: number): number {
  return Math.min(MAX_HELD_MS, freshnessMs / 2) + Math.min(10_000, Math.max(1_000, freshnessMs / 4));
}

/** Whether an answer to a request that was to be held came so soon that it may not have been. */
export function cameSoon(freshnessMs: number, tookMs: number): boolean {
  return tookMs < soonMs(freshnessMs);
}

function soonMs(freshnessMs: number): number {
  return Math.min(SOON_MS, freshnessMs / 4);
}

/**
 * How long to wait after an answer to a request that was to be held. Something in between may not let it wait, or send
 * each to another replica whose set differs, and would be asked without end. `soonBefore`: whether the answer before it
 * came soon too.
 */
export function unheldMs(freshnessMs: number, tookMs: number, changed: boolean, soonBefore: boolean, random: number): number {
  const unheld = cameSoon(freshnessMs, tookMs) && (!changed || soonBefore);
  return unheld ? random * soonMs(freshnessMs) : 0;
}

/** How long to wait after an answer of a replica that closes the connection, as all its verifiers hear at one moment. */
export function closedMs(random: number): number {
  return random * CLOSED_MS;
}

/** Why a request needs a younger view: nothing can be said of its token, or it is accepted by a view that is not young. */
export type Need = "unsure" | "old";

/** What such a request does: starts a refresh and waits for its end, waits for the one that runs, or decides now. */
export type Turn = "start" | "join" | "decide";

/** A refresh; no two are started at one moment, so this moment tells them apart. */
interface Running {
  readonly started: Moment;
  readonly random: number;
}

interface Failed {
  readonly at: Moment;
  /** In a row. */
  readonly times: number;
  readonly waitMs: number;
}

/**
 * Who may wait for a younger view: many need one, and one is asked for.
 *
 * After one that failed, nobody whose token would be accepted anyhow waits until its back-off is over; then one alone
 * tries, so that an outage costs one request in a while its two seconds, and not all of them.
 */
export class Gate {
  #running: Running | undefined;
  #ended: Moment | undefined;
  #failed: Failed | undefined;

  /**
   * What a request does. Whoever starts a refresh has to tell its end, whatever came of it. `random`, from 0 to 1, is what
   * the back-off is drawn with, should the refresh that this request starts fail.
   */
  ask(need: Need, at: Moment, random: number): Turn {
    this.#giveUp(at);
    if (need === "old" && this.#failed !== undefined) {
      const sinceMs = elapsedMs(this.#failed.at, at);
      if (sinceMs < this.#failed.waitMs) return "decide";
      if (sinceMs < this.#failed.waitMs + FORGOTTEN_AFTER_MS) {
        return this.#running === undefined ? this.#start(at, random) : "decide";
      }
      this.#failed = undefined;
    }
    if (this.#running !== undefined) return "join";
    const cools = this.#ended !== undefined && elapsedMs(this.#ended, at) < COOL_DOWN_MS;
    return cools ? "decide" : this.#start(at, random);
  }

  /**
   * The refresh that was `started` then has ended: did it bring a view? One that comes late is over already, and ends
   * no other.
   */
  ended(started: Moment, succeeded: boolean, at: Moment): void {
    this.#giveUp(at);
    const running = this.#running;
    if (running === undefined || !same(running.started, started)) return;
    this.#over(running, succeeded, at);
  }

  #start(started: Moment, random: number): Turn {
    this.#running = { started, random };
    return "start";
  }

  #over({ random }: Running, forgets: boolean, at: Moment): void {
    this.#running = undefined;
    this.#ended = at;
    const times = (this.#failed?.times ?? 0) + 1;
    const waitMs = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (times - 1)) * (0.5 + random / 2);
    this.#failed = forgets ? undefined : { at, times, waitMs };
  }

  /**
   * One that should have ended, and has not, has failed when its time was over. After a freeze that says nothing, nor does
   * what failed before.
   */
  #giveUp(at: Moment): void {
    const running = this.#running;
    if (running === undefined) return;
    const sinceMs = elapsedMs(running.started, at);
    if (sinceMs <= REFRESH_MS) return;
    const { bootMs, wallMs } = running.started;
    this.#over(running, sinceMs > FROZEN_MS, { bootMs: bootMs + REFRESH_MS, wallMs: wallMs + REFRESH_MS });
  }
}

function same(one: Moment, other: Moment): boolean {
  return one.bootMs === other.bootMs && one.wallMs === other.wallMs;
}
