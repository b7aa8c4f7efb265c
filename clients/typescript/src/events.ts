/** What a verifier says of itself, for logs and metrics. Never a token, and never a credential. */

import type { Outcome } from "./reports.js";

export type VerifierEvent =
  /** A view was applied; `changed`: it is another set, and not the same one seen again. */
  | { readonly type: "applied"; readonly changed: boolean; readonly entries: number; readonly feed: string }
  /** A replica could not be asked, or its answer could not be used. What is applied stays, within its bounds. */
  | { readonly type: "feed_failed"; readonly feed: string; readonly error: Error }
  | { readonly type: "report_failed"; readonly feed: string; readonly error: Error }
  | { readonly type: "cache_failed"; readonly error: Error }
  /** A decision was counted. */
  | { readonly type: "verdict"; readonly verdict: Outcome; readonly version: string | null };

export type EventHook = (event: VerifierEvent) => void;

/** Writes failures to stderr, each once until it is another one or all is well again. */
export function logger(write: (line: string) => void = console.error): EventHook {
  const last = new Map<string, string>();
  return (event) => {
    if (event.type === "applied") {
      if (last.delete(event.feed)) write(`crossfade: ${event.feed} answers again`);
    } else if ("error" in event) {
      const where = event.type === "feed_failed" ? event.feed : event.type;
      const what = `crossfade: ${event.type} ${"feed" in event ? `(${event.feed})` : ""}: ${event.error.message}`;
      if (last.get(where) !== what) write(what);
      last.set(where, what);
    }
  };
}

/** A hook that throws, at once or later because it is `async`, must not decide on a request. It is said once. */
export function guarded(hook: EventHook): EventHook {
  let said = false;
  const failed = (error: unknown) => {
    if (said) return;
    said = true;
    process.emitWarning(error instanceof Error ? error : new Error("the onEvent hook of @crossfade/verify threw"));
  };
  return (event) => {
    try {
      const done: unknown = hook(event);
      if (done !== undefined) Promise.resolve(done).catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}
