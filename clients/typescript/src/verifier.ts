/** Decides on presented tokens for one audience, from a view that it keeps up to date by itself. */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

import { readCache, writeCache } from "./cache.js";
import { elapsedMs, machineClock, type Clock, type Moment } from "./clock.js";
import { guarded, logger, type EventHook } from "./events.js";
import type { Applied } from "./feed.js";
import { Follower } from "./follower.js";
import { FeedError, replicas, type Connection, type Replica } from "./http.js";
import { Counts, type Outcome } from "./reports.js";
import { ageMs, decide, isFresh, type Verdict } from "./verdict.js";

export interface VerifierOptions extends Connection {
  /** The MCP server that the tokens are for, as in the daemon's config. */
  readonly audience: string;
  /** The name of this process in `crossfade status`; 1 to 64 of `A-Z a-z 0-9 . _ -`. */
  readonly instance?: string | undefined;
  /** Keeps the last view there, so that a server starts while the daemon is down. One process each. */
  readonly cacheFile?: string | undefined;
  /** Accepts for no longer than this after the last view, whatever the daemon allows. */
  readonly maxHoldMs?: number | undefined;
  /** For logs and metrics. Without it, failures go to stderr. */
  readonly onEvent?: EventHook | undefined;
  readonly reportEveryMs?: number | undefined;
  /** For tests. */
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** What is known now; for a readiness probe, say. */
export interface State {
  readonly ageMs: number;
  /** Whether a refusal may rest on it. */
  readonly fresh: boolean;
  readonly entries: number;
}

const INSTANCE = /^[A-Za-z0-9._-]{1,64}$/;
/** It ends in headers. */
const AUDIENCE = /^[\x20-\x7e]{1,1024}$/;
const REPORT_EVERY_MS = 10_000;
const REPORT_TIMEOUT_MS = 5_000;
const MAX_REPORT_ANSWER_BYTES = 16 * 1024;
/** A view that only grew younger is written this seldom. */
const CACHE_EVERY_MS = 30_000;

export class Verifier {
  readonly audience: string;
  readonly #options: VerifierOptions;
  readonly #instance: string;
  readonly #clock: Clock;
  readonly #onEvent: EventHook;
  readonly #replicas: readonly Replica[];
  readonly #counts: Counts;
  readonly #follower: Follower;
  #reporting: NodeJS.Timeout | undefined;
  #written: Moment | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: VerifierOptions, asked: readonly Replica[], cached?: Applied) {
    this.audience = options.audience;
    this.#options = options;
    this.#instance = options.instance ?? instanceName();
    this.#clock = options.clock ?? machineClock;
    this.#onEvent = guarded(options.onEvent ?? logger());
    this.#replicas = asked;
    this.#counts = new Counts(this.#clock);
    this.#follower = new Follower(
      {
        replicas: asked,
        audience: options.audience,
        instance: this.#instance,
        clock: this.#clock,
        random: options.random ?? Math.random,
        onEvent: this.#onEvent,
        onApplied: (applied, changed) => this.#keep(applied, changed),
      },
      cached,
    );
  }

  /**
   * Starts to follow the feed, and is done when there is a view, or after 2 s without one: then it is unsure of all,
   * or accepts what the cache file says, and goes on trying. Throws only where the options make no sense.
   */
  static async connect(options: VerifierOptions): Promise<Verifier> {
    const { audience, instance, cacheFile, maxHoldMs, reportEveryMs = REPORT_EVERY_MS } = options;
    if (!AUDIENCE.test(audience)) throw new TypeError("`audience` has to be plain ASCII, as in the daemon's config");
    if (instance !== undefined && !INSTANCE.test(instance))
      throw new TypeError(`\`instance\` has to match ${INSTANCE}`);
    if (maxHoldMs !== undefined && !(maxHoldMs >= 0)) throw new TypeError("`maxHoldMs` has to be 0 or more");
    if (!(reportEveryMs > 0)) throw new TypeError("`reportEveryMs` has to be more than 0");
    const asked = replicas(options);
    const feeds = asked.map((replica) => replica.url.href);
    let cached: Applied | undefined;
    let uncached: Error | undefined;
    try {
      cached = cacheFile === undefined ? undefined : await readCache(cacheFile, audience, feeds);
    } catch (error) {
      uncached = error as Error;
    }
    const verifier = new Verifier(options, asked, cached);
    if (uncached !== undefined) verifier.#onEvent({ type: "cache_failed", error: uncached });
    await verifier.#follower.refresh();
    verifier.#follower.start();
    verifier.#reporting = setInterval(() => void verifier.#report(), reportEveryMs);
    return verifier;
  }

  /** Decides now, from what is known, and counts the decision. An `unsure` one is worth a `verifyOrRefresh`. */
  verify(token: string): Verdict {
    return this.#counted(this.decide(token));
  }

  /** Decides; where that needs a fresher view, waits for one, for 2 s at most, and decides again. */
  async verifyOrRefresh(token: string): Promise<Verdict> {
    return this.#counted(await this.decideOrRefresh(token));
  }

  /** The same as `verify`, not counted: for who has more to ask, and calls `count`. */
  decide(token: string): Verdict {
    return decide(this.#follower.applied?.view, token, this.#clock(), this.#options.maxHoldMs);
  }

  /** The same as `verifyOrRefresh`, not counted. */
  async decideOrRefresh(token: string): Promise<Verdict> {
    const verdict = this.decide(token);
    if (verdict.verdict !== "unsure") return verdict;
    await this.#follower.refresh();
    return this.decide(token);
  }

  /** Counts an outcome, for the next report and for the hook. */
  count(verdict: Outcome, version: string | null = null): void {
    this.#counts.add(verdict, version);
    this.#onEvent({ type: "verdict", verdict, version });
  }

  /** Undefined: nothing is known yet. */
  get state(): State | undefined {
    const view = this.#follower.applied?.view;
    if (view === undefined) return undefined;
    const at = this.#clock();
    return { ageMs: ageMs(view, at), fresh: isFresh(view, at), entries: view.set.entries.length };
  }

  /** Stops following, and sends the last report. */
  async close(): Promise<void> {
    clearInterval(this.#reporting);
    await this.#follower.close();
    await this.#report();
    const applied = this.#follower.applied;
    if (applied?.view.complete === true) this.#write(applied);
    await this.#writing;
    for (const replica of this.#replicas) replica.close();
  }

  #counted(verdict: Verdict): Verdict {
    if (verdict.verdict === "accepted") this.count("accepted", verdict.grant.version);
    else this.count(verdict.verdict === "refused" ? verdict.reason : "unsure");
    return verdict;
  }

  async #report(): Promise<void> {
    if (this.#counts.isEmpty) return;
    const { replica } = this.#follower;
    const failed = (error: unknown) => {
      this.#onEvent({ type: "report_failed", feed: replica.url.href, error: error as Error });
    };
    const send = async (body: string) => {
      const bounds = { timeoutMs: REPORT_TIMEOUT_MS, maxBytes: MAX_REPORT_ANSWER_BYTES };
      const { status } = await replica.ask("/v1/reports", { method: "POST", body, ...bounds });
      if (status === 204) return;
      const error = new FeedError(`${status}: the daemon did not take the report`);
      // What is wrong with it will still be wrong; it is dropped. The rest is sent again.
      if (status === 400 || status === 413) failed(error);
      else throw error;
    };
    await this.#counts.report(this.audience, this.#instance, send).catch(failed);
  }

  /** A set that changed is written at once; that it was seen again, now and then, so that `hold` counts from there. */
  #keep(applied: Applied, changed: boolean): void {
    const everyMs = Math.min(CACHE_EVERY_MS, applied.view.set.holdMs / 10);
    const due = this.#written === undefined || elapsedMs(this.#written, this.#clock()) >= everyMs;
    if (changed || due) this.#write(applied);
  }

  #write(applied: Applied): void {
    const { cacheFile } = this.#options;
    if (cacheFile === undefined) return;
    this.#written = this.#clock();
    // One after the other, so that an older view can't replace a younger one.
    this.#writing = this.#writing
      .then(() => writeCache(cacheFile, applied))
      .catch((error: unknown) => this.#onEvent({ type: "cache_failed", error: error as Error }));
  }
}

function instanceName(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 40);
  return `${host}-${process.pid}-${randomBytes(3).toString("hex")}`;
}
