/** Starting from the cache file, while no daemon answers. */

import assert from "node:assert/strict";
import { chmod, chown, mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { AcceptSet } from "../src/accept-set.js";
import { writtenCache } from "../src/cache.js";
import { AUDIENCE, setOf, until, type FakeFeed } from "./support/fake-feed.js";
import { feed, folder, follow, MovedClock } from "./support/world.js";

const TOKEN = "a-token-of-the-tests";
const UNKNOWN = "a-token-that-nobody-made";
const HOLD_MS = 600_000;

/** A cache that was written, and the feed that it came from, which answers no more. */
async function written(t: TestContext, json = setOf({ holdMs: HOLD_MS, entries: [{ token: TOKEN }] })) {
  const fake = await feed(t, json);
  const cacheFile = join(await folder(t), "view");
  const clock = new MovedClock();
  const first = await follow(t, fake, { cacheFile, clock: clock.read });
  await first.verifier.close();
  down(fake);
  return { fake, cacheFile, clock };
}

function down(fake: FakeFeed): void {
  fake.instead = (_, response) => response.writeHead(503).end() && true;
}

test("a server that starts while the daemon is down accepts what it knew, and refuses nothing", async (t) => {
  const { fake, cacheFile, clock } = await written(t);
  const { verifier } = await follow(t, fake, { cacheFile, clock: clock.read });
  assert.equal(verifier.verify(TOKEN).verdict, "accepted");
  assert.equal((await verifier.verifyOrRefresh(UNKNOWN)).verdict, "unsure", "a cached view is never fresh");
  assert.equal(verifier.status().fresh, false);
  fake.instead = undefined;
  await until("a fresh view", () => verifier.decide(UNKNOWN).verdict === "refused");
});

test("restarting again and again does not renew hold, on whichever clock", async (t) => {
  for (const move of ["forward", "wall", "boot"] as const) {
    const { fake, cacheFile, clock } = await written(t);
    for (let restarts = 0; restarts < 5; restarts += 1) {
      if (move === "forward") clock.forward(HOLD_MS / 6);
      // Another boot begins at 0; a wall clock may be set back.
      if (move === "wall") Object.assign(clock, { wallMs: clock.wallMs + HOLD_MS / 6, bootMs: -Date.now() });
      if (move === "boot") Object.assign(clock, { bootMs: clock.bootMs + HOLD_MS / 6, wallMs: -60_000 });
      const { verifier } = await follow(t, fake, { cacheFile, clock: clock.read });
      assert.equal(verifier.verify(TOKEN).verdict, "accepted", move);
      await verifier.close();
    }
    clock.forward(HOLD_MS / 6 + 1_000);
    const { verifier } = await follow(t, fake, { cacheFile, clock: clock.read });
    assert.equal(verifier.verify(TOKEN).verdict, "unsure", move);
  }
});

test("the cache holds no token, is ours alone, and is replaced as a whole", async (t) => {
  const { fake, cacheFile, clock } = await written(t);
  const text = await readFile(cacheFile, "utf8");
  assert.ok(!text.includes(TOKEN) && text.includes("digest"));
  assert.equal((await stat(cacheFile)).mode & 0o777, 0o600);
  fake.instead = undefined;
  await chmod(cacheFile, 0o644);
  const next = await follow(t, fake, { cacheFile, clock: clock.read });
  assert.match(next.failures()[0] ?? "", /0600/, "one that others can write is not used");
  await next.verifier.close();
  assert.equal((await stat(cacheFile)).mode & 0o777, 0o600, "and replaced by one of ours");
  assert.deepEqual(await readdir(join(cacheFile, "..")), ["view"], "nothing is left beside it");
});

test("a cache that kubelet has opened to a group of ours is used", async (t) => {
  const { fake, cacheFile, clock } = await written(t);
  await chmod(cacheFile, 0o660);
  const { failures, verifier } = await follow(t, fake, { cacheFile, clock: clock.read });
  assert.equal(verifier.verify(TOKEN).verdict, "accepted", failures()[0] ?? "");
  if (process.geteuid?.() === 0) {
    await chown(cacheFile, 0, 4_242);
    assert.match((await follow(t, fake, { cacheFile })).failures()[0] ?? "", /0600/, "another group");
  }
});

test("a cache of another audience, of another feed, or broken is not used, is no reason not to start, and is replaced", async (t) => {
  const { fake, cacheFile, clock } = await written(t);
  const good = await readFile(cacheFile);
  const other = await feed(t);
  down(other);
  for (const [what, bytes, options, why] of [
    ["another feed", good, { url: other.url }, /another feed/],
    ["another audience", good, { audience: "b" }, /another audience/],
    ["cut", good.subarray(0, good.length - 1), {}, /not what was written/],
    ["flipped", Buffer.from(good.toString().replace('"digest":"', '"digest":"A')), {}, /not what was written/],
    ["a later format", Buffer.from(good.toString().replace('"format":2', '"format":3')), {}, /another version/],
  ] as const) {
    await writeFile(cacheFile, bytes, { mode: 0o600 });
    const broken = await follow(t, fake, { cacheFile, clock: clock.read, ...options });
    assert.match(broken.failures()[0] ?? "", why, what);
    assert.equal(broken.verifier.verify(TOKEN).verdict, "unsure", what);
    await broken.verifier.close();
  }
  fake.instead = undefined;
  await (await follow(t, fake, { cacheFile, clock: clock.read })).verifier.close();
  down(fake);
  const healed = await follow(t, fake, { cacheFile, clock: clock.read });
  assert.equal(healed.verifier.verify(TOKEN).verdict, "accepted");
});

/** A cache as another boot, or somebody else, left it. */
async function planted(t: TestContext, fake: FakeFeed, how: { wallMs: number; nowMs?: number; json?: string }) {
  const { wallMs, nowMs = Date.now(), json = setOf({ holdMs: HOLD_MS, entries: [{ token: TOKEN }] }) } = how;
  const set = AcceptSet.parse(Buffer.from(json), AUDIENCE);
  const view = { set, nowMs, ageMs: 0, taken: { bootMs: 2 ** 50, wallMs }, complete: true };
  const cacheFile = join(await folder(t), "view");
  await writeFile(cacheFile, writtenCache(view, Buffer.from(json), [fake.url], "another-boot"), { mode: 0o600 });
  return cacheFile;
}

test("after a reboot a wall clock that is behind makes a cache unusable: how old it is can't be told", async (t) => {
  const fake = await feed(t);
  down(fake);
  const behind = await follow(t, fake, { cacheFile: await planted(t, fake, { wallMs: Date.now() + 60_000 }) });
  assert.match(behind.failures()[0] ?? "", /yet to be written/);
  assert.equal(behind.verifier.verify(TOKEN).verdict, "unsure");
  const ahead = await follow(t, fake, { cacheFile: await planted(t, fake, { wallMs: Date.now() - 60_000 }) });
  assert.equal(ahead.verifier.verify(TOKEN).verdict, "accepted");
});

test("whatever stands in a cache is over with the daemon's first answer, which is asked for whole", async (t) => {
  const fake = await feed(t, setOf({ entries: [{ token: UNKNOWN }] }));
  // From a time to come, so that nothing of the daemon's would be younger.
  const cacheFile = await planted(t, fake, { wallMs: Date.now(), nowMs: Date.now() + 1e10 });
  const { verifier } = await follow(t, fake, { cacheFile });
  assert.equal(fake.polls[0]?.headers["if-none-match"], undefined);
  assert.equal(verifier.verify(UNKNOWN).verdict, "accepted");
  assert.equal(verifier.verify(TOKEN).verdict, "refused");
});

test("a cache that can't be written is said on the hook, stops nothing, and is written once it can be", async (t) => {
  const fake = await feed(t, setOf({ freshnessMs: 1_000, entries: [{ token: TOKEN }] }));
  const path = join(await folder(t), "none");
  const { verifier, failures } = await follow(t, fake, { cacheFile: join(path, "view") });
  await until("it is said", () => failures().some((why) => why.includes("can't be written")));
  assert.equal(verifier.verify(TOKEN).verdict, "accepted");
  await mkdir(path);
  // The set has not changed: it is the next 304 that brings it.
  await until("it is there", async () => (await readdir(path)).includes("view"));
});
