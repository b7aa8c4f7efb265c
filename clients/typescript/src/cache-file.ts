/**
 * The file of the last view. It is ours alone (0600; a group of ours may be let in), and replaced as a whole.
 *
 * Whatever else stands at its path is somebody else's: it is an error at the start, and is never written to. Nothing
 * here opens what may hang, or what acts by being opened.
 */

import { randomBytes } from "node:crypto";
import { constants, readFileSync, type Stats } from "node:fs";
import { lstat, open, rename, unlink, type FileHandle } from "node:fs/promises";

import { MAX_SET_BYTES } from "./accept-set.js";
import { BEGINNING_BYTES, beginsAsOurs } from "./cache.js";

const MAX_BYTES = MAX_SET_BYTES + 64 * 1024;

export class CacheError extends Error {
  override readonly name = "CacheError";
}

/** What stands at the path is not ours. */
export class ForeignFileError extends CacheError {
  constructor(path: string, what: string) {
    super(`the cache file ${path} is ${what}, so it is left alone: give another path, or remove it`);
  }
}

/** Undefined where there is none yet. Throws a ForeignFileError, or a CacheError where it is not to be trusted. */
export async function readCacheFile(path: string): Promise<Buffer | undefined> {
  try {
    return await opened(path, async (file, stats) => {
      if (stats.size > 0 && isOpenToOthers(stats)) {
        throw new Error(
          "it has to have mode 0600, or be open to a group of this process's besides: whoever can write it can make any token accepted",
        );
      }
      if (stats.size > MAX_BYTES) throw new Error("it is too large");
      return bytesOf(file, MAX_BYTES);
    });
  } catch (error) {
    if (error instanceof CacheError) throw error;
    throw new CacheError(`the cache file ${path} is not used: ${message(error)}`, { cause: error });
  }
}

/** Puts `bytes` there, where what stands there is ours or nothing. */
export async function writeCacheFile(path: string, bytes: Buffer): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString("hex")}`;
  try {
    await opened(path, () => Promise.resolve());
    await written(temporary, bytes);
    await opened(path, () => Promise.resolve());
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    if (error instanceof CacheError) throw error;
    throw new CacheError(`the cache file ${path} can't be written: ${message(error)}`, { cause: error });
  }
}

async function written(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Opens what stands at the path if it is ours; undefined where nothing does. */
async function opened<T>(path: string, use: (file: FileHandle, stats: Stats) => Promise<T>): Promise<T | undefined> {
  const stands = await lstat(path).catch(unlessAbsent);
  if (stands === undefined) return undefined;
  const foreign = strange(stands);
  if (foreign !== undefined) throw new ForeignFileError(path, foreign);
  // It may have become a link or a pipe since it was looked at.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags).catch(unlessAbsent);
  if (file === undefined) return undefined;
  try {
    const stats = await file.stat();
    const what = strange(stats) ?? (await begins(file, stats));
    if (what !== undefined) throw new ForeignFileError(path, what);
    return await use(file, stats);
  } finally {
    await file.close();
  }
}

function strange(stats: Stats): string | undefined {
  if (stats.isSymbolicLink()) return "a link";
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a named pipe";
  if (stats.isSocket()) return "a socket";
  if (!stats.isFile()) return "a device";
  const user = process.geteuid?.();
  return user === undefined || stats.uid === user ? undefined : "another user's";
}

async function begins(file: FileHandle, { size }: Stats): Promise<string | undefined> {
  if (size === 0) return undefined;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING_BYTES), 0, BEGINNING_BYTES, 0);
  return beginsAsOurs(buffer.subarray(0, bytesRead)) ? undefined : "of another program";
}

async function bytesOf(file: FileHandle, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, at);
    if (bytesRead === 0) return Buffer.concat(chunks);
    at += bytesRead;
    if (at > most) throw new Error("it is too large");
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function isOpenToOthers({ gid, mode }: Stats): boolean {
  if (process.geteuid === undefined) return false;
  // Kubernetes opens each file of a volume with an `fsGroup` to that group, at every mount.
  const isOurGroup = gid === process.getegid?.() || (process.getgroups?.() ?? []).includes(gid);
  return (mode & 0o007) !== 0 || ((mode & 0o070) !== 0 && !isOurGroup);
}

function unlessAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
}

/** Which boot of this machine this is; empty where it does not say. */
export function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
