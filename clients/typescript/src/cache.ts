/**
 * The last view in a file, so that a server starts while the daemon is down: digests only, never a token.
 *
 * What is read from it is never fresh: it accepts what it knows, and refuses nothing. How long it may accept counts
 * from the last view, whatever has been restarted since. The file is ours alone (0600; a group of ours may be let in),
 * bound to the audience and the feed, and replaced as a whole.
 */

import { hash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, unlink, type FileHandle } from "node:fs/promises";

import { AcceptSet, MAX_SET_BYTES } from "./accept-set.js";
import type { Applied } from "./feed.js";

const FORMAT = 1;
const MAX_HEAD_BYTES = 4_096;
const LINE_FEED = 0x0a;

export class CacheError extends Error {
  override readonly name = "CacheError";
}

/** What stands in the first line; the set follows, byte for byte as it came. */
interface Head {
  format: number;
  audience: string;
  feed: string;
  etag: string;
  /** Of the set: a 304 makes fresh what stands here, so it has to be what was written. */
  sha256: string;
  now_ms: number;
  age_ms: number;
  boot_ms: number;
  wall_ms: number;
}

export async function writeCache(path: string, { view, etag, json, feed }: Applied): Promise<void> {
  const { set, nowMs, ageMs, taken } = view;
  const { bootMs, wallMs } = taken;
  const place = { now_ms: nowMs, age_ms: ageMs, boot_ms: bootMs, wall_ms: wallMs };
  const head: Head = { format: FORMAT, audience: set.audience, feed, etag, sha256: hash("sha256", json), ...place };
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), json]));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw new CacheError(`the cache file ${path} can't be written: ${message(error)}`, { cause: error });
  }
}

/** Undefined where there is none yet. One that is not to be trusted, or is about something else, is an error. */
export async function readCache(
  path: string,
  audience: string,
  feeds: readonly string[],
): Promise<Applied | undefined> {
  try {
    // Not through a link, and not from a pipe on which nobody may ever write.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const file = await open(path, flags);
    try {
      return parse(await contents(file), audience, feeds);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CacheError(`the cache file ${path} is not used: ${message(error)}`, { cause: error });
  }
}

async function contents(file: FileHandle): Promise<Buffer> {
  const { uid, gid, mode, size } = await file.stat();
  const user = process.geteuid?.();
  // Kubernetes opens each file of a volume with an `fsGroup` to that group, at every mount.
  const isOurGroup = gid === process.getegid?.() || (process.getgroups?.() ?? []).includes(gid);
  const isOpen = (mode & 0o007) !== 0 || ((mode & 0o070) !== 0 && !isOurGroup);
  if (user !== undefined && (uid !== user || isOpen)) {
    throw new Error(
      "it has to belong to this process's user, with mode 0600, or be open to a group of this process's besides: whoever can write it can make any token accepted",
    );
  }
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Error("it is no file");
  if (size > MAX_HEAD_BYTES + MAX_SET_BYTES) throw new Error("it is too large");
  return file.readFile();
}

function parse(bytes: Buffer, audience: string, feeds: readonly string[]): Applied {
  const end = bytes.indexOf(LINE_FEED);
  const head = end < 0 ? undefined : (JSON.parse(bytes.toString("utf8", 0, end)) as Partial<Head> | null);
  if (!isHead(head)) throw new Error("it was not written by this version of the package");
  if (head.audience !== audience) throw new Error("it is for another audience");
  if (!feeds.includes(head.feed)) throw new Error("it came from a feed that is not configured now");
  const json = bytes.subarray(end + 1);
  if (head.sha256 !== hash("sha256", json)) throw new Error("it is not what was written");
  const taken = { bootMs: head.boot_ms, wallMs: head.wall_ms };
  const place = { nowMs: head.now_ms, ageMs: head.age_ms, taken, complete: false };
  return { view: { ...place, set: AcceptSet.parse(json, audience) }, etag: head.etag, json, feed: head.feed };
}

function isHead(head: Partial<Head> | null | undefined): head is Head {
  if (typeof head !== "object" || head === null || head.format !== FORMAT) return false;
  const texts = [head.audience, head.feed, head.etag, head.sha256];
  const numbers = [head.now_ms, head.age_ms, head.boot_ms, head.wall_ms];
  return texts.every((text) => typeof text === "string") && numbers.every((n) => Number.isFinite(n) && Number(n) >= 0);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
