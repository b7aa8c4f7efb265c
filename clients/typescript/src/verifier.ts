/** Decides on presented tokens for one audience, from a view that it keeps up to date by itself. */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { clearInterval, setInterval } from "node:timers";

import { machineClock, type Clock, type Moment } from "./clock.js";
import { guarded, logger, type EventHook } from "./events.js";
import { Follower } from "./follower.js";
import { awaited, FeedError, needed, replicas, type Connection, type Replica } from "./http.js";
import { KeptView } from "./kept-view.js";
import { Counts, type Outcome } from "./reports.js";
import { ageMs, decide, isFresh, isYoung, type Verdict, type View } from "./verdict.js";

export interface VerifierOptions extends Connection {
  /** The MCP server that the tokens are for, as in the daemon's config. */
  readonly audience: string;
  /** The name of this process in `crossfade status`; 1 to 64 of `A-Z a-z 0-9 . _ -`. */
  readonly instance?: string | undefined;
  /** Keeps the last view there, so that a server starts while the daemon is down. One process each. */
  readonly cacheFile?: string | undefined;
  /** Accepts for no longer than this after the last view, whatever the daemon allows; more than 0. */
  readonly maxHoldMs?: number | undefined;
  /** For logs and metrics. Without it, failures go to stderr. */
  readonly onEvent?: EventHook | undefined;
  /** @internal For tests. */
  readonly reportEveryMs?: number | undefined;
  /** For tests. */
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** What is known now; for a readiness probe, say. */
export interface Status {
  /** How many versions are known; undefined: there is no view yet. */
  readonly entries: number | undefined;
  /** How long ago the store was read. */
  readonly ageMs: number | undefined;
  /** Whether a refusal may rest on it. */
  readonly fresh: boolean;
}

const INSTANCE = /^[A-Za-z0-9._-]{1,64}$/;
/** It ends in headers. */
const AUDIENCE = /^[\x20-\x7e]{1,1024}$/;
const REPORT_EVERY_MS = 10_000;
const REPORT_TIMEOUT_MS = 5_000;
const MAX_REPORT_ANSWER_BYTES = 16 * 1024;
/** How much earlier than it has to a verifier refreshes an old view: drawn once, so that not all come at once. */
const MAX_SPREAD_MS = 1_000;

export class Verifier {
  readonly audience: string;
  readonly #options: VerifierOptions;
  readonly #instance: string;
  readonly #clock: Clock;
  readonly #onEvent: EventHook;
  readonly #replicas: readonly Replica[];
  readonly #counts: Counts;
  readonly #follower: Follower;
  /** From 0 to 1. */
  readonly #spread: number;
  readonly #kept: KeptView | undefined;
  #reporting: NodeJS.Timeout | undefined;

  private constructor(options: VerifierOptions, { asked, onEvent, kept, cached }: Beginning) {
    this.audience = options.audience;
    this.#options = options;
    this.#instance = options.instance ?? instanceName();
    this.#clock = options.clock ?? machineClock;
    this.#onEvent = onEvent;
    this.#kept = kept;
    this.#replicas = asked;
    this.#counts = new Counts(this.#clock);
    const random = options.random ?? Math.random;
    this.#spread = random();
    this.#follower = new Follower(
      {
        replicas: asked,
        audience: options.audience,
        instance: this.#instance,
        clock: this.#clock,
        random,
        onEvent: this.#onEvent,
        onApplied: (applied, changed) => this.#kept?.keep(applied, changed),
      },
      // No ETag: the first request asks for the whole set.
      cached && { view: cached, etag: undefined, json: Buffer.alloc(0), feed: "" },
    );
  }

  /**
   * Starts to follow the feed, and is done when there is a view, or after 2 s without one: then it is unsure of all,
   * or accepts what the cache file says, and goes on trying. Throws only where the options make no sense, or where
   * something stands at the cache file's path that is not ours.
   *
   * A verifier keeps no process from its end, also where it is not closed.
   */
  static async connect(options: VerifierOptions): Promise<Verifier> {
    const { audience, instance, cacheFile, maxHoldMs, reportEveryMs = REPORT_EVERY_MS } = options;
    needed("audience", audience, "that of the daemon's config");
    if (!AUDIENCE.test(audience)) throw new TypeError("`audience` has to be plain ASCII, as in the daemon's config");
    if (cacheFile === "") throw new TypeError("`cacheFile` is empty: give a path, or leave it out");
    if (instance !== undefined && !INSTANCE.test(instance))
      throw new TypeError(`\`instance\` has to match ${INSTANCE}`);
    if (maxHoldMs !== undefined && !(maxHoldMs > 0)) throw new TypeError("`maxHoldMs` has to be more than 0");
    if (!(reportEveryMs > 0)) throw new TypeError("`reportEveryMs` has to be more than 0");
    const asked = replicas(options);
    const { clock = machineClock } = options;
    const onEvent = guarded(options.onEvent ?? logger());
    const feed = asked.map((replica) => replica.url.href);
    const kept = cacheFile === undefined ? undefined : new KeptView({ path: cacheFile, audience, feed, clock, onEvent });
    const verifier = new Verifier(options, { asked, onEvent, kept, cached: await kept?.read() });
    try {
      verifier.#reporting = setInterval(() => void verifier.#report(), reportEveryMs).unref();
      await verifier.#follower.younger("unsure");
      verifier.#follower.start();
      return verifier;
    } catch (error) {
      await verifier.close();
      throw error;
    }
  }

  /** Decides now, from what is known, and counts the decision. An `unsure` one is worth a `verifyOrRefresh`. */
  verify(token: string): Verdict {
    const at = this.#clock();
    return this.#counted(this.decide(token, at), at);
  }

  /** Decides; where that needs a younger view, waits for one, for 2 s at most, and decides again. */
  async verifyOrRefresh(token: string): Promise<Verdict> {
    return this.#counted(await this.decideOrRefresh(token));
  }

  /** @internal The same as `verify`, not counted: for who has more to ask, and calls `count`. */
  decide(token: string, at = this.#clock()): Verdict {
    return decide(this.#follower.applied?.view, token, at, this.#options.maxHoldMs);
  }

  /** @internal The same as `verifyOrRefresh`, not counted, and at once where nothing has to be waited for. */
  decideOrRefresh(token: string): Verdict | Promise<Verdict> {
    const { maxHoldMs } = this.#options;
    const view = this.#follower.applied?.view;
    const at = this.#clock();
    const verdict = decide(view, token, at, maxHoldMs);
    if (verdict.verdict === "refused") return verdict;
    if (verdict.verdict === "accepted" && isYoung(view as View, at, maxHoldMs, this.#spreadMs(view as View))) {
      return verdict;
    }
    const younger = this.#follower.younger(verdict.verdict === "accepted" ? "old" : "unsure");
    return younger === undefined ? verdict : younger.then(() => this.decide(token));
  }

  /** @internal Counts an outcome, for the next report and for the hook. */
  count(verdict: Outcome, version: string | null = null, at?: Moment): void {
    this.#counts.add(verdict, version, at);
    this.#onEvent({ type: "verdict", verdict, version });
  }

  /** What is known now. */
  status(): Status {
    const view = this.#follower.applied?.view;
    if (view === undefined) return { entries: undefined, ageMs: undefined, fresh: false };
    const at = this.#clock();
    return { entries: view.set.entries.length, ageMs: ageMs(view, at), fresh: isFresh(view, at) };
  }

  /** Stops following, and sends the last report. */
  close(): Promise<void> {
    return awaited(this.#close());
  }

  async #close(): Promise<void> {
    clearInterval(this.#reporting);
    try {
      await this.#follower.close();
      await this.#report();
      const applied = this.#follower.applied;
      if (applied?.view.complete === true) await this.#kept?.write(applied);
    } finally {
      for (const replica of this.#replicas) replica.close();
    }
  }

  #spreadMs(view: View): number {
    return this.#spread * Math.min(MAX_SPREAD_MS, view.set.freshnessMs / 8);
  }

  #counted(verdict: Verdict, at?: Moment): Verdict {
    if (verdict.verdict === "accepted") this.count("accepted", verdict.grant.source.version, at);
    else this.count(verdict.verdict === "refused" ? verdict.reason : "unsure", null, at);
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
}

/** What a verifier begins with. */
interface Beginning {
  readonly asked: readonly Replica[];
  readonly onEvent: EventHook;
  readonly kept: KeptView | undefined;
  readonly cached: View | undefined;
}

function instanceName(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 40);
  return `${host}-${process.pid}-${randomBytes(3).toString("hex")}`;
}
