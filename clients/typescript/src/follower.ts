/**
 * Follows the feed: one request held open at one replica, and another replica wherever that fails, is behind, or has
 * a view that is not fresh itself. It holds what is applied; it decides nothing.
 */

import { setTimeout as sleep } from "node:timers/promises";

import { Backoff } from "./backoff.js";
import { elapsedMs, parted, type Clock, type Moment } from "./clock.js";
import type { EventHook } from "./events.js";
import { ask, DroppedError, type Applied } from "./feed.js";
import type { Replica } from "./http.js";
import { isFresh } from "./verdict.js";

const MAX_WAIT_S = 60;
/** How long an answer may take that is not held. */
const ANSWER_MS = 5_000;
/** How long a refresh may take, for all who wait for it. */
const REFRESH_MS = 2_000;
/** So that garbage can't drive refreshes: none begins sooner than this after the last one's end. */
const COOL_DOWN_MS = 1_000;
/** After an older view, before another replica is asked. */
const OLDER_PAUSE_MS = 1_000;
const BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 10_000;
/** A replica that doesn't hold what it was asked to hold is not asked more often. */
const LEAST_BETWEEN_MS = 100;

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

export class Follower {
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  #applied: Applied | undefined;
  #at = 0;
  #refreshing: Promise<void> | undefined;
  #refreshed: Moment | undefined;
  #running: Promise<void> | undefined;

  constructor(options: FollowerOptions, applied?: Applied) {
    this.#options = options;
    this.#applied = applied;
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

  /** Asks all replicas at once, and is done with the first answer that counts: one flight, with a cool-down. */
  refresh(): Promise<void> {
    const { clock } = this.#options;
    const cooling = this.#refreshed !== undefined && elapsedMs(this.#refreshed, clock()) < COOL_DOWN_MS;
    if (this.#refreshing === undefined && cooling) return Promise.resolve();
    this.#refreshing ??= this.#askAll().finally(() => {
      this.#refreshing = undefined;
      this.#refreshed = clock();
    });
    return this.#refreshing;
  }

  async #askAll(): Promise<void> {
    const { replicas } = this.#options;
    const first = replicas.map((_, at) => this.#ask(at, 0, REFRESH_MS));
    const timer = new AbortController();
    const all = Promise.any(first).catch((failed: AggregateError) => {
      failed.errors.forEach((error, at) => this.#failed(replicas[at] as Replica, error));
    });
    await Promise.race([all, sleep(REFRESH_MS, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(BACKOFF_MS, this.#options.random);
    // To be held is for who is well served.
    let answered = this.#isWell();
    while (!this.#stop.signal.aborted) {
      const { replica } = this;
      const sent = this.#options.clock();
      try {
        await this.#ask(this.#at, answered ? this.#waitS() : 0);
        answered = this.#isWell();
        if (answered) backoff.reset();
        else this.#at += 1;
        const took = elapsedMs(sent, this.#options.clock());
        await this.#pause(answered ? LEAST_BETWEEN_MS - took : backoff.nextMs(this.#capMs()));
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#failed(replica, error);
        answered = false;
        const dropped = error instanceof DroppedError ? error.dropped : undefined;
        if (dropped !== "clocks_parted") this.#at += 1;
        await this.#pause(dropped === "older" ? OLDER_PAUSE_MS : backoff.nextMs(this.#capMs()));
      }
    }
  }

  async #ask(at: number, waitS: number, timeoutMs?: number): Promise<void> {
    const { replicas, audience, instance, clock } = this.#options;
    const replica = replicas[at % replicas.length] as Replica;
    await ask(replica, {
      audience,
      instance,
      clock,
      applied: () => this.#applied,
      apply: (next) => this.#apply(next),
      waitS,
      timeoutMs: timeoutMs ?? this.#timeoutMs(waitS),
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
    const freshnessMs = this.#applied?.view.set.freshnessMs;
    if (waitS === 0 || freshnessMs === undefined) return ANSWER_MS;
    const transitMs = Math.min(10_000, Math.max(1_000, freshnessMs / 4));
    return Math.min(waitS * 1_000, freshnessMs / 2) + transitMs;
  }

  /** Where there is but one replica, nobody else could have a fresher view. */
  #isWell(): boolean {
    const view = this.#applied?.view;
    return this.#options.replicas.length === 1 || (view !== undefined && isFresh(view, this.#options.clock()));
  }

  #capMs(): number {
    return Math.min(MAX_BACKOFF_MS, (this.#applied?.view.set.freshnessMs ?? MAX_BACKOFF_MS) / 2);
  }

  #failed(replica: Replica, error: unknown): void {
    if (this.#stop.signal.aborted) return;
    const cause = error instanceof Error ? error : new Error("unknown");
    this.#options.onEvent({ type: "feed_failed", feed: replica.url.href, error: cause });
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
