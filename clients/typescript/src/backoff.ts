/** How long to wait before trying again: full jitter, so that those who failed together don't come back together. */

export class Backoff {
  readonly #baseMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(baseMs: number, random: () => number = Math.random) {
    this.#baseMs = baseMs;
    this.#random = random;
  }

  /** The next wait, which is at most `capMs`. */
  nextMs(capMs: number): number {
    const limit = Math.min(capMs, this.#baseMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return this.#random() * limit;
  }

  reset(): void {
    this.#failures = 0;
  }
}
