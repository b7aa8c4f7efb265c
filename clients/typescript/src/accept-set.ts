/**
 * All that a verifier needs for one audience: digests, stages, deadlines. Never a token.
 *
 * A set replaces the one before as a whole, so there is deliberately no way to add to one or to take from it.
 */

import { parseDigest } from "./digest.js";
import { JsonError, list, Reader, record, type Fault } from "./json.js";

export type Stage = "pending" | "current" | "previous";

/** One accepted version of one secret. Times are unix ms on the store's clock. */
export interface Entry {
  readonly digest: Buffer;
  readonly secret: string;
  readonly version: string;
  readonly stage: Stage;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly createdMs: number;
  readonly graceMs: number;
  /** The deadline of a previous version; null for the other stages. */
  readonly notAfterMs: number | null;
}

/** Why a set is rejected, as a whole. */
export type SetFault =
  | Fault
  | "too_large"
  | "unknown_format"
  | "other_audience"
  | "freshness"
  | "hold"
  | "accept_within"
  | "bad_digest"
  | "duplicate_digest"
  | "unknown_stage"
  | "without_deadline"
  | "with_deadline";

/** Says nothing that stands in the set, so that it can be logged as it is. */
export class SetError extends Error {
  readonly fault: SetFault;

  constructor(fault: SetFault) {
    super(`the accept set is rejected: ${fault}`);
    this.name = "SetError";
    this.fault = fault;
  }
}

/** The longest text that is read, in bytes. */
export const MAX_SET_BYTES = 32 * 1024 * 1024;
const FORMAT = 1;
const MIN_FRESHNESS_MS = 1_000;
const MAX_FRESHNESS_MS = 3_600_000;
const MAX_HOLD_MS = 7 * 24 * 3_600_000;
const MIN_ACCEPT_WITHIN_MS = 1_000;

export class AcceptSet {
  readonly audience: string;
  readonly freshnessMs: number;
  readonly holdMs: number;
  /** As it was sent; undefined: it counts as `freshnessMs`. */
  readonly acceptWithinMs: number | undefined;
  /** Sorted by the bytes of their digests. */
  readonly entries: readonly Entry[];
  /**
   * By the whole digest, so that no choice of digests makes a lookup slow. How long one takes tells of digests alone, and
   * from them no token follows.
   */
  readonly #index: ReadonlyMap<string, Entry>;

  private constructor(set: Omit<ReturnType<typeof readSet>, "format">) {
    const { audience, freshness_ms: freshnessMs, hold_ms: holdMs, accept_within_ms: acceptWithinMs, entries } = set;
    if (freshnessMs < MIN_FRESHNESS_MS || freshnessMs > MAX_FRESHNESS_MS) throw new SetError("freshness");
    if (holdMs < freshnessMs || holdMs > MAX_HOLD_MS) throw new SetError("hold");
    if (acceptWithinMs !== undefined && acceptWithinMs < MIN_ACCEPT_WITHIN_MS) throw new SetError("accept_within");
    this.audience = audience;
    this.freshnessMs = freshnessMs;
    this.holdMs = holdMs;
    this.acceptWithinMs = acceptWithinMs;
    this.entries = entries.sort((one, other) => one.digest.compare(other.digest));
    this.#index = new Map(this.entries.map((entry) => [entry.digest.toString("base64url"), entry]));
    if (this.#index.size < this.entries.length) throw new SetError("duplicate_digest");
  }

  /**
   * Reads a set as the daemon sends it. Unknown keys are passed over, so that later versions can add some.
   * Throws a SetError for any fault in it: then keep the last good one.
   */
  static parse(json: Uint8Array, audience: string): AcceptSet {
    if (json.byteLength > MAX_SET_BYTES) throw new SetError("too_large");
    try {
      const set = readSet(new Reader(decode(json)));
      if (set.format !== FORMAT) throw new SetError("unknown_format");
      if (set.audience !== audience) throw new SetError("other_audience");
      return new AcceptSet(set);
    } catch (error) {
      throw error instanceof JsonError ? new SetError(error.fault) : error;
    }
  }

  /** By a digest in base64url. */
  find(digest: string): Entry | undefined {
    return this.#index.get(digest);
  }

  /** The same bytes that the daemon sends. */
  toJson(): string {
    return JSON.stringify({
      format: FORMAT,
      audience: this.audience,
      freshness_ms: this.freshnessMs,
      hold_ms: this.holdMs,
      // Left out where it is undefined.
      accept_within_ms: this.acceptWithinMs,
      entries: this.entries.map((entry) => ({
        digest: entry.digest.toString("base64url"),
        secret: entry.secret,
        version: entry.version,
        stage: entry.stage,
        client_id: entry.clientId,
        scopes: entry.scopes,
        created_ms: entry.createdMs,
        grace_ms: entry.graceMs,
        not_after_ms: entry.notAfterMs,
      })),
    });
  }
}

function decode(json: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
  } catch {
    throw new SetError("not_json");
  }
}

function readSet(reader: Reader) {
  const members = {
    format: () => reader.integer(),
    audience: () => reader.string(),
    freshness_ms: () => reader.integer(),
    hold_ms: () => reader.integer(),
    entries: () => list(reader, () => readEntry(reader)),
  };
  const set = record(reader, members, { accept_within_ms: () => reader.integer() });
  reader.end();
  return set;
}

function readEntry(reader: Reader): Entry {
  const read = record(reader, {
    digest: () => parseDigest(reader.string()) ?? reject("bad_digest"),
    secret: () => reader.string(),
    version: () => reader.string(),
    stage: () => stage(reader.string()),
    client_id: () => reader.string(),
    scopes: () => Object.freeze(list(reader, () => reader.string())),
    created_ms: () => reader.integer(),
    grace_ms: () => reader.integer(),
    not_after_ms: () => reader.integerOrNull(),
  });
  const { digest, secret, version, scopes } = read;
  if (read.stage === "previous" && read.not_after_ms === null) throw new SetError("without_deadline");
  if (read.stage !== "previous" && read.not_after_ms !== null) throw new SetError("with_deadline");
  return {
    digest,
    secret,
    version,
    stage: read.stage,
    clientId: read.client_id,
    scopes,
    createdMs: read.created_ms,
    graceMs: read.grace_ms,
    notAfterMs: read.not_after_ms,
  };
}

function stage(name: string): Stage {
  if (name === "pending" || name === "current" || name === "previous") return name;
  return reject("unknown_stage");
}

function reject(fault: SetFault): never {
  throw new SetError(fault);
}
