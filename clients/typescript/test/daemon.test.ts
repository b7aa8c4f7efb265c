/** The promise, with the real daemon: killed, restarted, stopped, beside another one, and rotating under load. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { TokenSource, Verifier, type VerifierOptions } from "../src/index.js";
import { app, call } from "./support/app.js";
import { AUDIENCE, BOT, Daemon, SECRET, VERIFIER } from "./support/daemon.js";
import { until } from "./support/fake-feed.js";
import { folder } from "./support/world.js";

/** Set by `cargo xtask test --full`: the long run. */
const ROUNDS = process.env.CROSSFADE_FULL === "1" ? 20 : 3;
const UNKNOWN = "mcp_5mZrDnVkqwfsv1i2McfU8yYsJBFqWHsuoCmqYuAk_SQ3JB4nX";

async function connect(t: TestContext, daemons: Daemon[], options: Partial<VerifierOptions> = {}): Promise<Verifier> {
  const url = daemons.map((daemon) => daemon.url);
  const verifier = await Verifier.connect({
    url,
    credential: VERIFIER,
    audience: AUDIENCE,
    onEvent: () => undefined,
    ...options,
  });
  t.after(() => verifier.close());
  return verifier;
}

test("a rotation reaches a verifier, the old token is accepted to its deadline, and an operator sees who used it", async (t) => {
  const daemon = await Daemon.started(t, "3s");
  const verifier = await connect(t, [daemon], { instance: "pod-1", reportEveryMs: 100 });
  const server = await app(t, verifier);
  const old = await daemon.token();
  assert.equal((await call(server, old)).status, 200);
  assert.equal((await fetch(server)).status, 401);
  await until("a view that is fresh", async () => (await call(server, UNKNOWN)).status === 401);
  await daemon.rotate();
  const current = await daemon.token();
  assert.notEqual(current, old);
  // On a busy machine the view may be late; it is never wrong.
  await until("the new one is accepted", async () => {
    const { status } = await call(server, current);
    assert.notEqual(status, 401);
    return status === 200;
  });
  assert.equal((await call(server, old)).status, 200);
  await until("the use of both is seen", async () => {
    const { versions, verifiers } = await daemon.status();
    return (
      versions.length === 2 &&
      versions.every((each) => each.last_used_by === "slack-mcp-server/pod-1") &&
      verifiers.up_to_date === 1
    );
  });
  await until("the old one ends", async () => (await call(server, old)).status === 401);
  assert.equal((await call(server, current)).status, 200);
});

test("with the daemon gone a known token is accepted, an unknown one unsure; so too after a start from the cache", async (t) => {
  const daemon = await Daemon.started(t, "30s");
  const cacheFile = join(await folder(t), "view");
  const first = await connect(t, [daemon], { cacheFile });
  const token = await daemon.token();
  await daemon.kill();
  const statuses = async (verifier: Verifier) => {
    const server = await app(t, verifier);
    await until("the view is no longer fresh", () => verifier.status().fresh === false);
    const unknown = await call(server, UNKNOWN);
    return [(await call(server, token)).status, unknown.status, unknown.headers.has("retry-after")];
  };
  assert.deepEqual(await statuses(first), [200, 503, true]);
  await first.close();
  const second = await connect(t, [daemon], { cacheFile });
  assert.deepEqual(await statuses(second), [200, 503, true]);
  await daemon.start();
  await until("a fresh view again", () => second.decide(UNKNOWN).verdict === "refused");
});

test("a replica that hangs costs no rightful token a 401: the other one is asked", async (t) => {
  const one = await Daemon.started(t, "30s");
  const other = await Daemon.started(t, "30s", one);
  const verifier = await connect(t, [one, other]);
  const server = await app(t, verifier);
  assert.equal((await call(server, await one.token())).status, 200);
  one.signal("SIGSTOP");
  await other.rotate();
  const token = await other.token();
  const statuses: number[] = [];
  await until("the new token is accepted", async () => {
    statuses.push((await call(server, token)).status);
    return statuses.at(-1) === 200;
  });
  assert.ok(!statuses.includes(401), `${statuses}`);
  one.signal("SIGCONT");
  for (let n = 0; n < 20; n += 1) {
    assert.equal((await call(server, token)).status, 200, "what the first one still says is older");
    await sleep(50);
  }
});

test("while tokens rotate and daemons are killed, no rightful token gets a 401", async (t) => {
  const one = await Daemon.started(t, "20s");
  const other = await Daemon.started(t, "20s", one);
  const server = await app(t, await connect(t, [one, other], { reportEveryMs: 500 }));
  const bot = new TokenSource({ url: [one.url, other.url], credential: BOT, secret: SECRET });
  t.after(() => bot.close());
  const counts = new Map<number, number>();
  const versions = new Set<string>();
  let over = false;
  const load = async () => {
    // A run keeps the token that it began with.
    while (!over) {
      const token = await bot.token();
      versions.add(token);
      for (let n = 0; n < 20; n += 1) {
        const { status } = await call(server, token);
        counts.set(status, (counts.get(status) ?? 0) + 1);
        await sleep(5);
      }
    }
  };
  const runs = Promise.all(Array.from({ length: 4 }, load));
  for (let round = 0; round < ROUNDS; round += 1) {
    await one.rotate();
    await other.kill();
    await one.rotate();
    await other.start();
    await one.kill();
    await sleep(500);
    await one.start();
  }
  over = true;
  await runs;
  t.diagnostic(`answers by status: ${JSON.stringify(Object.fromEntries(counts))}, tokens used: ${versions.size}`);
  assert.deepEqual(
    [...counts.keys()].filter((status) => status !== 200 && status !== 503),
    [],
  );
  assert.ok((counts.get(200) ?? 0) > 100 && versions.size >= 3);
});
