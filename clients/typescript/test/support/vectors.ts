/** Where the golden vectors stand, and how a moment is written in them. */

import { readFileSync } from "node:fs";

import type { Moment } from "../../src/clock.js";

export function vectors<T>(name: string): T {
  // From build/test/support, whatever folder the tests are started in.
  const file = new URL(`../../../../../verify/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

export interface JsonMoment {
  boot_ms: number;
  wall_ms: number;
}

export function moment({ boot_ms, wall_ms }: JsonMoment): Moment {
  return { bootMs: boot_ms, wallMs: wall_ms };
}
