/** Starting from the cache file, while no daemon answers. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, chown, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { setOf, until, type FakeFeed } from "./support/fake-feed.js";
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
  assert.equal(verifier.state?.fresh, false);
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

test("a cache that kubelet has opened to a group of ours is used, and a pipe is waited for by nobody", async (t) => {
  const { fake, cacheFile, clock } = await written(t);
  await chmod(cacheFile, 0o660);
  const { failures, verifier } = await follow(t, fake, { cacheFile, clock: clock.read });
  assert.equal(verifier.verify(TOKEN).verdict, "accepted", failures()[0] ?? "");
  if (process.geteuid?.() === 0) {
    await chown(cacheFile, 0, 4_242);
    assert.match((await follow(t, fake, { cacheFile })).failures()[0] ?? "", /0600/, "another group");
  }
  const pipe = join(await folder(t), "pipe");
  execFileSync("mkfifo", ["-m", "600", pipe]);
  assert.match((await follow(t, fake, { cacheFile: pipe })).failures()[0] ?? "", /is no file/);
});

test("a cache of another audience, of another feed, or broken is not used, and is no reason not to start", async (t) => {
  const { fake, cacheFile, clock } = await written(t);
  const other = await feed(t);
  down(other);
  const { failures, verifier } = await follow(t, other, { cacheFile, clock: clock.read });
  assert.match(failures()[0] ?? "", /not configured/);
  assert.equal(verifier.verify(TOKEN).verdict, "unsure");
  const elsewhere = await follow(t, fake, { cacheFile, clock: clock.read, audience: "b" });
  assert.match(elsewhere.failures()[0] ?? "", /another audience/);
  const good = await readFile(cacheFile);
  for (const [what, bytes] of [
    ["empty", Buffer.of()],
    ["cut", good.subarray(0, good.length - 1)],
    ["without its set", good.subarray(0, good.indexOf("\n") + 1)],
    ["with another digest", Buffer.from(good.toString().replace('"digest":"', '"digest":"AAAA'))],
    ["with another grace", Buffer.from(good.toString().replace('"grace_ms":60000', '"grace_ms":60001'))],
    ["null", Buffer.from("null\n{}")],
    ["another format", Buffer.from(good.toString().replace('"format":1', '"format":2'))],
    ["a time that is none", Buffer.from(good.toString().replace(/"wall_ms":\d+/, '"wall_ms":"now"'))],
  ] as const) {
    await writeFile(cacheFile, bytes, { mode: 0o600 });
    const broken = await follow(t, fake, { cacheFile, clock: clock.read });
    assert.match(broken.failures()[0] ?? "", /is not used/, what);
    assert.equal(broken.verifier.verify(TOKEN).verdict, "unsure", what);
  }
  const link = join(await folder(t), "link");
  await symlink(cacheFile, link);
  assert.match((await follow(t, fake, { cacheFile: link })).failures()[0] ?? "", /is not used/, "a link");
});

test("a cache that can't be written is said on the hook, and stops nothing", async (t) => {
  const fake = await feed(t, setOf({ entries: [{ token: TOKEN }] }));
  const { verifier, failures } = await follow(t, fake, { cacheFile: join(await folder(t), "none", "view") });
  await until("it is said", () => failures().some((why) => why.includes("can't be written")));
  assert.equal(verifier.verify(TOKEN).verdict, "accepted");
});
