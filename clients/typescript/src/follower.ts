/**
 * Follows the feed: one request held open at one replica, and another replica wherever that fails, is behind, or has
 * a view that is not fresh itself. It holds what is applied; it decides nothing.
 */

import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { elapsedMs, parted, type Clock, type Moment } from "./clock.js";
import type { EventHook } from "./events.js";
import { ask, DroppedError, type Applied, type Question, type Told } from "./feed.js";
import { firstAnswer } from "./first-answer.js";
import type { Replica } from "./http.js";
import { cameSoon, closedMs, Gate, heldMs, REFRESH_MS, retryAfterMs, unheldMs, type Need } from "./pace.js";
import { isFresh } from "./verdict.js";

const MAX_WAIT_S = 60;
/** How long an answer may take that is not held: to a refresh as a whole, to a poll until its body. */
const ANSWER_MS = 5_000;
/** How long a poll's body may take: the largest set, on a slow line. */
const BODY_MS = 30_000;
/** How long a refresh waits for one replica before it asks the next one too. */
const NEXT_REPLICA_MS = 500;
/** After an older view, before another replica is asked. */
const OLDER_PAUSE_MS = 1_000;

export interface FollowerOptions {
  readonly replicas: readonly Replica[];
  readonly audience: string;
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onEvent: EventHook;
  /** Called after each view. */
  readonly onApplied: (applied: Applied, changed: boolean) => void;
}

type How = Pick<Question, "waitS" | "noCache" | "timeoutMs" | "bodyMs">;

export class Follower {
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  #applied: Applied | undefined;
  #at = 0;
  readonly #gate = new Gate();
  #refreshing: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: FollowerOptions, applied?: Applied) {
    this.#options = options;
    this.#applied = applied;
    // As many listen as there are requests on their way, each until its end.
    setMaxListeners(0, this.#stop.signal);
  }

  get applied(): Applied | undefined {
    return this.#applied;
  }

  /** The replica that is followed. */
  get replica(): Replica {
    const { replicas } = this.#options;
    return replicas[this.#at % replicas.length] as Replica;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /**
   * What a request waits for that needs a younger view, for 2 s at most; it never rejects. Undefined: it is to decide by
   * what is known.
   */
  younger(need: Need): Promise<void> | undefined {
    const at = this.#options.clock();
    const turn = this.#gate.ask(need, at, this.#options.random());
    if (turn === "start") this.#refreshing = this.#refresh(at);
    return turn === "decide" ? undefined : this.#refreshing;
  }

  /** Asks the replica that is followed, then the others. An answer that comes too late for it counts still as a view. */
  async #refresh(started: Moment): Promise<void> {
    const { replicas, clock } = this.#options;
    const first = this.#at;
    const asks = replicas.map((_, beside) => async () => {
      const at = (first + beside) % replicas.length;
      try {
        await this.#ask(at, { waitS: 0, timeoutMs: ANSWER_MS, noCache: true });
      } catch (error) {
        this.#failed(replicas[at] as Replica, error);
        throw error;
      }
    });
    // Told of the end whatever comes of it: else nobody could start another one.
    const succeeded = await firstAnswer(asks, { nextMs: NEXT_REPLICA_MS, limitMs: REFRESH_MS }).catch(() => false);
    this.#gate.ended(started, succeeded, clock());
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    let failures = 0;
    let soonBefore = false;
    // To be held is for who is well served.
    let answered = this.#isWell();
    while (!this.#stop.signal.aborted) {
      const { replica } = this;
      const [sent, waitS] = [clock(), answered ? this.#waitS() : 0];
      try {
        const poll = { waitS, timeoutMs: this.#timeoutMs(waitS), bodyMs: BODY_MS, noCache: false };
        const { changed, closes } = await this.#ask(this.#at, poll);
        answered = this.#isWell();
        if (answered) failures = 0;
        if (!answered || closes) this.#at += 1;
        const [freshnessMs, tookMs] = [this.#freshnessMs() ?? 0, elapsedMs(sent, clock())];
        const waitMs = waitS > 0 ? unheldMs(freshnessMs, tookMs, changed, soonBefore, random()) : 0;
        if (waitS > 0) soonBefore = cameSoon(freshnessMs, tookMs);
        if (!answered) await this.#pause(this.#retryMs(failures++));
        else if (closes) await this.#pause(closedMs(random()));
        else await this.#pause(waitMs);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#failed(replica, error);
        answered = false;
        const dropped = error instanceof DroppedError ? error.dropped : undefined;
        if (dropped !== "clocks_parted") this.#at += 1;
        await this.#pause(dropped === "older" ? OLDER_PAUSE_MS : this.#retryMs(failures++));
      }
    }
  }

  async #ask(at: number, how: How): Promise<Told> {
    const { replicas, audience, instance, clock } = this.#options;
    const replica = replicas[at % replicas.length] as Replica;
    return await ask(replica, {
      audience,
      instance,
      clock,
      applied: () => this.#applied,
      apply: (next) => this.#apply(next),
      ...how,
      signal: this.#stop.signal,
    });
  }

  #apply(next: Applied): void {
    if (this.#stop.signal.aborted) return;
    const changed = this.#applied?.etag !== next.etag;
    this.#applied = next;
    const entries = next.view.set.entries.length;
    this.#options.onEvent({ type: "applied", changed, entries, feed: next.feed });
    this.#options.onApplied(next, changed);
  }

  /** After a start from the cache, and on a machine that was suspended, an answer is needed now. */
  #waitS(): number {
    const view = this.#applied?.view;
    return view?.complete === true && !parted(view.taken, this.#options.clock()) ? MAX_WAIT_S : 0;
  }

  #timeoutMs(waitS: number): number {
    const freshnessMs = this.#freshnessMs();
    return waitS === 0 || freshnessMs === undefined ? ANSWER_MS : heldMs(freshnessMs);
  }

  #freshnessMs(): number | undefined {
    return this.#applied?.view.set.freshnessMs;
  }

  /** Where there is but one replica, nobody else could have a fresher view. */
  #isWell(): boolean {
    const view = this.#applied?.view;
    return this.#options.replicas.length === 1 || (view !== undefined && isFresh(view, this.#options.clock()));
  }

  #retryMs(failuresBefore: number): number {
    return retryAfterMs(failuresBefore, this.#freshnessMs(), this.#options.random());
  }

  #failed(replica: Replica, error: unknown): void {
    if (this.#stop.signal.aborted) return;
    const cause = error instanceof Error ? error : new Error("unknown");
    this.#options.onEvent({ type: "feed_failed", feed: replica.url.href, error: cause });
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { ref: false, signal: this.#stop.signal }).catch(() => undefined);
  }
}
