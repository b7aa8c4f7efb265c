/** For bots: the current token, from `GET /v1/token`. */

import { elapsedMs, machineClock, type Clock, type Moment } from "./clock.js";
import { awaited, FeedError, needed, replicas, type Answer, type Connection, type Replica } from "./http.js";
import { jitteredMs } from "./pace.js";
import { shape } from "./shape.js";

export interface TokenSourceOptions extends Connection {
  /** The secret's name, as in the daemon's config. */
  readonly secret: string;
  /** For tests. */
  readonly clock?: Clock;
  readonly random?: () => number;
}

interface Held {
  readonly token: string;
  readonly fetched: Moment;
  readonly refreshAfterMs: number;
}

const ANSWER_MS = 5_000;
const MAX_ANSWER_BYTES = 16 * 1024;
const BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** A server that refuses every token can't make us fetch one for each request. */
const COOL_DOWN_MS = 1_000;

/** Hands out the current token, and keeps it for as long as the daemon says. */
export class TokenSource {
  readonly #secret: string;
  readonly #replicas: readonly Replica[];
  readonly #clock: Clock;
  readonly #random: () => number;
  #failures = 0;
  #held: Held | undefined;
  #fetching: Promise<void> | undefined;
  #failed: { readonly error: Error; readonly at: Moment; readonly waitMs: number } | undefined;

  constructor(options: TokenSourceOptions) {
    needed("secret", options.secret, "its name in the daemon's config");
    this.#secret = options.secret;
    this.#replicas = replicas(options);
    this.#clock = options.clock ?? machineClock;
    this.#random = options.random ?? Math.random;
  }

  /** The current token. While no replica answers, the last one: it is accepted for its grace. */
  async token(): Promise<string> {
    const held = this.#held;
    if (held === undefined || elapsedMs(held.fetched, this.#clock()) >= held.refreshAfterMs) await this.#refresh();
    if (this.#held === undefined) throw this.#failed?.error ?? new FeedError("no token could be fetched");
    return this.#held.token;
  }

  /**
   * Makes a call with the token, and where it is answered with 401, once more with one that was fetched anew.
   *
   *     const response = await source.use((token) => fetch(url, { headers: { authorization: `Bearer ${token}` } }));
   */
  async use<R extends { readonly status: number }>(call: (token: string) => Promise<R>): Promise<R> {
    const token = await this.token();
    const response = await call(token);
    if (response.status !== 401) return response;
    const newer = await this.#other(token);
    return newer === undefined ? response : call(newer);
  }

  close(): void {
    for (const replica of this.#replicas) replica.close();
  }

  /** A token that is not the one that was refused; undefined where there is none. */
  async #other(refused: string): Promise<string | undefined> {
    const held = this.#held;
    if (held?.token === refused && elapsedMs(held.fetched, this.#clock()) >= COOL_DOWN_MS) await this.#refresh();
    return this.#held?.token === refused ? undefined : this.#held?.token;
  }

  /** One flight for all callers. What fails is not tried again before its time. */
  async #refresh(): Promise<void> {
    const { at, waitMs } = this.#failed ?? {};
    const waiting = at !== undefined && waitMs !== undefined && elapsedMs(at, this.#clock()) < waitMs;
    if (this.#fetching === undefined && waiting) return;
    this.#fetching ??= awaited(this.#fetch()).finally(() => {
      this.#fetching = undefined;
    });
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    let last: Error = new FeedError("no replica");
    for (const replica of this.#replicas) {
      try {
        const target = `/v1/token?secret=${encodeURIComponent(this.#secret)}`;
        const answer = await replica.ask(target, { timeoutMs: ANSWER_MS, maxBytes: MAX_ANSWER_BYTES });
        this.#held = { ...read(answer), fetched: this.#clock() };
        this.#failed = undefined;
        this.#failures = 0;
        return;
      } catch (error) {
        last = error as Error;
      }
    }
    const waitMs = jitteredMs(BACKOFF_MS, this.#failures++, MAX_BACKOFF_MS, this.#random());
    this.#failed = { error: last, at: this.#clock(), waitMs };
  }
}

/** Never with the body in an error: it holds the token. */
function read({ status, body }: Answer): Omit<Held, "fetched"> {
  if (status === 401) throw new FeedError("401: the daemon doesn't know this credential; see `clients` in its config");
  if (status === 403)
    throw new FeedError("403: this credential may not have that secret's token; see `clients` in the daemon's config");
  if (status !== 200) throw new FeedError(`${status}: no token was handed out`);
  const { token, refresh_after_ms: refreshAfterMs } = parse(body);
  // What is no token would break the header that it is put into, or pass for another one.
  if (typeof token !== "string" || shape(token) === "malformed" || !isSpan(refreshAfterMs)) {
    throw new FeedError("the answer is none of `/v1/token`");
  }
  return { token, refreshAfterMs: Math.max(refreshAfterMs, COOL_DOWN_MS) };
}

function isSpan(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function parse(body: Buffer): { token?: unknown; refresh_after_ms?: unknown } {
  try {
    return { ...(JSON.parse(body.toString("utf8")) as object) };
  } catch {
    // The reader's own message would quote the body.
    throw new FeedError("the answer is none of `/v1/token`");
  }
}
