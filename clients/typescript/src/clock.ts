/**
 * How time passes for a verifier: on two clocks, because one of them may have been set, or have stopped.
 * No two machines' readings are ever compared.
 */

import { uptime } from "node:os";
import { performance } from "node:perf_hooks";

/** A reading of this machine's two clocks, in milliseconds. */
export interface Moment {
  /** A clock that is never set and runs on while the machine is suspended. */
  readonly bootMs: number;
  /** The wall clock, since the Unix epoch. */
  readonly wallMs: number;
}

export type Clock = () => Moment;

/** How far two clocks may part before neither is believed to have counted all the time that passed. */
const MAX_PARTED_MS = 2_000;

/** How long after `earlier` it is, by the clock that says more; one that ran back says nothing. */
export function elapsedMs(earlier: Moment, later: Moment): number {
  return Math.max(0, later.bootMs - earlier.bootMs, later.wallMs - earlier.wallMs);
}

/** Whether the two clocks say too different things about the time in between. */
export function parted(earlier: Moment, later: Moment): boolean {
  const boot = later.bootMs - earlier.bootMs;
  const wall = later.wallMs - earlier.wallMs;
  return Math.abs(boot - wall) > MAX_PARTED_MS;
}

/** Where a machine's clocks are read. */
export interface Clocks {
  /** Since the machine started, suspended or not; slow to read. */
  readonly bootMs: () => number;
  /** Never set, but may stand still while the machine is suspended. */
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

/** How long the boot clock is carried on by the monotonic one, and how far that and the wall clock may differ. */
const CARRIED_MS = 1_000;
const CARRIED_APART_MS = 50;

/**
 * Reads the two clocks, fast enough for each request: on Linux the boot clock is a file, so it is read once a
 * second at most, and whenever the wall clock says that the monotonic one stood still.
 */
export function clockOf({ bootMs, monotonicMs, wallMs }: Clocks): Clock {
  const read = () => ({ boot: bootMs(), monotonic: monotonicMs(), wall: wallMs() });
  let last = read();
  return () => {
    const monotonic = monotonicMs() - last.monotonic;
    const wall = wallMs() - last.wall;
    if (monotonic > CARRIED_MS || Math.abs(wall - monotonic) > CARRIED_APART_MS) {
      last = read();
      return whole(last.boot, last.wall);
    }
    return whole(last.boot + monotonic, last.wall + wall);
  };
}

function whole(bootMs: number, wallMs: number): Moment {
  return { bootMs: Math.floor(bootMs), wallMs: Math.floor(wallMs) };
}

/** Elsewhere than on Linux, Node's monotonic clock runs on while the machine is suspended. */
const bootMs = process.platform === "linux" ? () => uptime() * 1_000 : () => performance.now();

/** This machine's clocks. */
export const machineClock: Clock = clockOf({
  bootMs,
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
});
