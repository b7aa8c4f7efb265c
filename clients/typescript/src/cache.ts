/**
 * The last view as text, for a file: digests only, never a token. The format is one for the verifiers of all languages
 * (verify/vectors, `caches.json`).
 *
 * What is read from it is never fresh: it accepts what it knows, and refuses nothing. How long it may accept counts
 * from the last view, whatever has been restarted since. There is deliberately no ETag: with one, a daemon could make
 * fresh whatever stands in the file.
 */

import { hash } from "node:crypto";

import { AcceptSet, SetError } from "./accept-set.js";
import { elapsedMs, type Moment } from "./clock.js";
import { list, Reader, record } from "./json.js";
import type { View } from "./verdict.js";

/** With what a file of ours begins, of any version: the first part is what 0.1.0 wrote, in three languages. */
const BEGINNING = /^\{"format":( ?1, ?"(feed|audience)":|[0-9]{1,9},"sha256":")/;
/** How many bytes tell whether it is ours. */
export const BEGINNING_BYTES = 30;
const FORMAT = 2;
const LINE_FEED = 0x0a;

/** Who would use it, and when. */
export interface Reading {
  readonly audience: string;
  /** The URLs of all replicas. */
  readonly feed: readonly string[];
  /** Which boot of the machine this is; empty: it does not say. */
  readonly boot: string;
  readonly at: Moment;
}

export type Unused = "empty" | "foreign" | "other_format" | "damaged" | "other_audience" | "other_feed" | "future";

/** The lines of a cache: where the view stands in time, and the set as it came. */
interface Lines {
  readonly audience: string;
  readonly feed: readonly string[];
  readonly boot: string;
  readonly taken: Moment;
  readonly nowMs: number;
  readonly ageMs: number;
  readonly json: Buffer;
}

class Damaged extends Error {}

export function writtenCache(view: View, json: Buffer, feed: readonly string[], boot: string): Buffer {
  const { bootMs: boot_ms, wallMs: wall_ms } = view.taken;
  const place = { boot, boot_ms, wall_ms, now_ms: view.nowMs, age_ms: view.ageMs };
  const second = JSON.stringify({ audience: view.set.audience, feed: feedOf(feed), ...place });
  const rest = Buffer.concat([Buffer.from(`${second}\n`), json]);
  return Buffer.concat([Buffer.from(`{"format":${FORMAT},"sha256":"${hash("sha256", rest)}"}\n`), rest]);
}

/** `start`: of a file that is not empty. All else is another program's, and never written over. */
export function beginsAsOurs(start: Buffer): boolean {
  return BEGINNING.test(start.toString("latin1", 0, BEGINNING_BYTES));
}

/** The view at `at`, or why there is none. */
export function parseCache(bytes: Buffer, { audience, feed, boot, at }: Reading): View | Unused {
  if (bytes.length === 0) return "empty";
  if (!beginsAsOurs(bytes)) return "foreign";
  let lines: Lines | "other_format";
  try {
    lines = read(bytes);
  } catch {
    return "damaged";
  }
  if (lines === "other_format") return lines;
  if (lines.audience !== audience) return "other_audience";
  let set: AcceptSet | undefined;
  try {
    set = AcceptSet.parse(lines.json, audience);
  } catch (error) {
    if (error instanceof SetError && error.fault === "other_audience") return "other_audience";
  }
  if (feedOf(lines.feed).join("\n") !== feedOf(feed).join("\n")) return "other_feed";
  if (set === undefined) return "damaged";
  const spanMs = since(lines, boot, at);
  if (spanMs === undefined) return "future";
  return { set, nowMs: lines.nowMs + spanMs, ageMs: lines.ageMs + spanMs, taken: at, complete: false };
}

/** A boot clock says something of its own boot alone; undefined where nothing says how long ago it was. */
function since(lines: Lines, boot: string, at: Moment): number | undefined {
  const sameBoot = boot !== "" && boot === lines.boot && at.bootMs >= lines.taken.bootMs;
  if (sameBoot) return elapsedMs(lines.taken, at);
  return at.wallMs < lines.taken.wallMs ? undefined : at.wallMs - lines.taken.wallMs;
}

function read(bytes: Buffer): Lines | "other_format" {
  const [first, rest] = cut(bytes);
  const reader = new Reader(first);
  const head = record(reader, { format: () => reader.integer() }, { sha256: () => reader.string() });
  reader.end();
  if (head.format === 1) return readFirstFormat(first, rest);
  if (head.format !== FORMAT) return "other_format";
  if (head.sha256 !== hash("sha256", rest)) throw new Damaged();
  const [second, json] = cut(rest);
  const line = new Reader(second);
  const found = record(line, {
    audience: () => line.string(),
    feed: () => list(line, () => line.string()),
    boot: () => line.string(),
    boot_ms: () => line.integer(),
    wall_ms: () => line.integer(),
    now_ms: () => line.integer(),
    age_ms: () => line.integer(),
  });
  line.end();
  const { audience, feed, boot } = found;
  return { audience, feed, boot, ...placed(found), json };
}

/** What 0.1.0 left behind: it named no boot. */
function readFirstFormat(first: string, json: Buffer): Lines {
  const reader = new Reader(first);
  const found = record(reader, {
    audience: () => reader.string(),
    feed: () => reader.string(),
    sha256: () => reader.string(),
    boot_ms: () => reader.integer(),
    wall_ms: () => reader.integer(),
    now_ms: () => reader.integer(),
    age_ms: () => reader.integer(),
  });
  if (found.sha256 !== hash("sha256", json)) throw new Damaged();
  return { audience: found.audience, feed: [found.feed], boot: "", ...placed(found), json };
}

function placed(found: { boot_ms: number; wall_ms: number; now_ms: number; age_ms: number }) {
  if (found.age_ms > found.now_ms) throw new Damaged();
  const taken = { bootMs: found.boot_ms, wallMs: found.wall_ms };
  return { taken, nowMs: found.now_ms, ageMs: found.age_ms };
}

/** The first line, and all after it. */
function cut(bytes: Buffer): [string, Buffer] {
  const end = bytes.indexOf(LINE_FEED);
  if (end < 0) throw new Damaged();
  return [new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end)), bytes.subarray(end + 1)];
}

/** The same replicas in the same words. */
function feedOf(urls: readonly string[]): string[] {
  return urls.map((url) => url.replace(/\/$/, "")).sort();
}
