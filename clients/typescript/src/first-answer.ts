/** Asks one after the other until the first answer: the next one at once where one fails, and where it takes too long. */

import { clearTimeout, setTimeout } from "node:timers";

export interface Limits {
  /** After how long without an answer the next one is asked too. */
  readonly nextMs: number;
  /** After how long it is over. This timer keeps the process, for those who wait. */
  readonly limitMs: number;
}

/** Whether one of them came in time. Those that are late go on, and are nobody's concern here. */
export async function firstAnswer(asks: readonly (() => Promise<void>)[], limits: Limits): Promise<boolean> {
  let [asked, failed, over] = [0, 0, false];
  let [hedge, limit]: (NodeJS.Timeout | undefined)[] = [];
  try {
    return await new Promise<boolean>((resolve, reject) => {
      limit = setTimeout(resolve, limits.limitMs, false);
      const proceed = () => {
        // It is called by a timer and by promises, where nobody would catch what it throws.
        try {
          const ask = over ? undefined : asks[asked];
          if (ask === undefined) return;
          asked += 1;
          clearTimeout(hedge);
          hedge = setTimeout(proceed, limits.nextMs).unref();
          ask().then(
            () => resolve(true),
            () => ((failed += 1) === asks.length ? resolve(false) : proceed()),
          );
        } catch (error) {
          reject(error as Error);
        }
      };
      proceed();
    });
  } finally {
    over = true;
    clearTimeout(hedge);
    clearTimeout(limit);
  }
}
