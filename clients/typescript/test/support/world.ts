/** What tests set up, and take down again however they end. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { Verifier, type VerifierEvent, type VerifierOptions } from "../../src/index.js";
import type { Moment } from "../../src/clock.js";
import { AUDIENCE, CREDENTIAL, FakeFeed } from "./fake-feed.js";

export async function feed(t: TestContext, json?: string, port?: number): Promise<FakeFeed> {
  const started = await FakeFeed.start(json, port);
  t.after(() => started.stop());
  return started;
}

export async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "crossfade-"));
  // A verifier that is closed after this may be writing yet.
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

export interface Followed {
  readonly verifier: Verifier;
  readonly events: VerifierEvent[];
  /** The messages of what failed. */
  readonly failures: () => string[];
}

export async function follow(
  t: TestContext,
  feeds: FakeFeed | FakeFeed[],
  options: Partial<VerifierOptions> = {},
): Promise<Followed> {
  const events: VerifierEvent[] = [];
  const url = [feeds].flat().map((each) => each.url);
  const given = {
    url,
    credential: CREDENTIAL,
    audience: AUDIENCE,
    onEvent: (event: VerifierEvent) => events.push(event),
  };
  const verifier = await Verifier.connect({ ...given, ...options });
  t.after(() => verifier.close());
  return {
    verifier,
    events,
    failures: () => events.flatMap((event) => ("error" in event ? [event.error.message] : [])),
  };
}

/** Two clocks that a test moves; they run on by themselves too. */
export class MovedClock {
  bootMs = 0;
  wallMs = 0;

  readonly read = (): Moment => {
    const now = Date.now();
    return { bootMs: now + this.bootMs, wallMs: now + this.wallMs };
  };

  forward(ms: number): void {
    this.bootMs += ms;
    this.wallMs += ms;
  }
}
