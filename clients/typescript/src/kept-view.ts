/** The last view in a file: read at the start, and kept up to date. */

import { parseCache, writtenCache } from "./cache.js";
import { bootId, CacheError, ForeignFileError, readCacheFile, writeCacheFile } from "./cache-file.js";
import { elapsedMs, type Clock, type Moment } from "./clock.js";
import type { EventHook } from "./events.js";
import type { Applied } from "./feed.js";
import type { View } from "./verdict.js";

/** A view that only grew younger is written this seldom. */
const EVERY_MS = 60_000;

const WHY = {
  other_format: "another version of the package wrote it",
  damaged: "it is not what was written",
  other_audience: "it is for another audience",
  other_feed: "it came from another feed than the one that is configured now",
  future: "it is from another boot, and this machine's clock says that it is yet to be written",
} as const;

export interface KeptViewOptions {
  readonly path: string;
  readonly audience: string;
  /** The URLs of all replicas. */
  readonly feed: readonly string[];
  readonly clock: Clock;
  readonly onEvent: EventHook;
}

export class KeptView {
  readonly #options: KeptViewOptions;
  /** The youngest that is to be written: one write at a time, however slow the disk. */
  #next: Applied | undefined;
  #writing: Promise<void> | undefined;
  /** When the last write that succeeded began. */
  #written: Moment | undefined;

  constructor(options: KeptViewOptions) {
    this.#options = options;
  }

  /**
   * What the file says; undefined where there is none yet, or none that can be used, which is told. Throws where something
   * stands there that is not ours.
   */
  async read(): Promise<View | undefined> {
    const { path, audience, feed, clock, onEvent } = this.#options;
    try {
      const bytes = await readCacheFile(path);
      const view = bytes === undefined ? "empty" : parseCache(bytes, { audience, feed, boot: bootId(), at: clock() });
      if (view === "empty") return undefined;
      if (view === "foreign") throw new ForeignFileError(path, "of another program");
      if (typeof view === "string") throw new CacheError(`the cache file ${path} is not used: ${WHY[view]}`);
      return view;
    } catch (error) {
      if (error instanceof ForeignFileError) throw error;
      onEvent({ type: "cache_failed", error: error as Error });
      return undefined;
    }
  }

  /** A set that changed is written at once; that it was seen again, now and then, so that `hold` counts from there. */
  keep(applied: Applied, changed: boolean): void {
    const everyMs = Math.min(EVERY_MS, applied.view.set.holdMs / 10);
    const due = this.#written === undefined || elapsedMs(this.#written, this.#options.clock()) >= everyMs;
    if (changed || due) void this.write(applied);
  }

  /** Done when it is written, or it was told why it was not; it never rejects. */
  write(applied: Applied): Promise<void> {
    this.#next = applied;
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    const { path, feed, clock, onEvent } = this.#options;
    for (let next = this.#next; next !== undefined; next = this.#next) {
      this.#next = undefined;
      try {
        const began = clock();
        await writeCacheFile(path, writtenCache(next.view, next.json, feed, bootId()));
        this.#written = began;
      } catch (error) {
        onEvent({ type: "cache_failed", error: error as Error });
      }
    }
    // In the same turn in which nothing was left: who comes later begins anew.
    this.#writing = undefined;
  }
}
