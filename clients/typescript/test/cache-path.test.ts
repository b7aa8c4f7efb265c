/** What stands at the cache file's path and is not ours: an error at the start, and left alone in reading and writing. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { Verifier } from "../src/index.js";
import { AUDIENCE, CREDENTIAL, setOf, until } from "./support/fake-feed.js";
import { feed, folder, follow } from "./support/world.js";

const isRoot = process.geteuid?.() === 0;

/** Each puts something there. */
const foreign: Record<string, (path: string, t: TestContext) => Promise<void> | void> = {
  "a FIFO": (path) => void execFileSync("mkfifo", ["-m", "600", path]),
  "a link to a file of ours": (path) => (writeFileSync(`${path}.real`, ""), symlinkSync(`${path}.real`, path)),
  "a link to nothing": (path) => symlinkSync(`${path}.none`, path),
  "a folder": (path) => mkdirSync(path),
  "another program's file": (path) => writeFileSync(path, "a database of somebody else"),
  ...Object.fromEntries(
    [
      '{"formatted":true}',
      '{"format":"model","weights":"x"}',
      '{"format": 3, "mine": true}',
      '{"format":true}',
      '{"format":-1,"sha256":"',
      '{"format":2.0,"sha256":"',
      '{"format":1234567890,"sha256":"',
      '{"format":2,"sha256":[]}',
      '{"format":2',
      '{"format":1,"mine":"audience"}',
      '\n{"format":2,"sha256":"',
    ].map((text) => [`${JSON.stringify(text)}, which begins almost as ours,`, (path: string) => writeFileSync(path, text)]),
  ),
  "a socket": async (path, t) => {
    const server = createServer().listen(path);
    await once(server, "listening");
    t.after(() => server.close());
  },
  ...(isRoot && {
    "another user's file": (path: string) => (writeFileSync(path, '{"format":2'), chownSync(path, 4_242, 4_242)),
    "a device": (path: string) => void execFileSync("mknod", ["-m", "600", path, "c", "1", "5"]),
  }),
};

/** All that would be seen of a change. */
function state(path: string): string {
  const { ino, mode, uid, size, mtimeMs } = lstatSync(path);
  const text = (mode & 0o170000) === 0o100000 ? readFileSync(path, "utf8") : "";
  return JSON.stringify({ ino, mode, uid, size, mtimeMs, text });
}

for (const [what, put] of Object.entries(foreign)) {
  test(`${what} at the cache file's path is an error at the start, and is left alone`, async (t) => {
    const fake = await feed(t);
    const cacheFile = join(await folder(t), "view");
    try {
      await put(cacheFile, t);
    } catch (error) {
      // A container may not make devices.
      return t.skip(String(error));
    }
    const before = state(cacheFile);
    const options = { url: fake.url, credential: CREDENTIAL, audience: AUDIENCE, cacheFile, onEvent: () => undefined };
    await assert.rejects(
      Verifier.connect(options).then((verifier) => verifier.close()),
      (error: Error) => error.message.includes(cacheFile) && /give another path/.test(error.message),
    );
    assert.equal(state(cacheFile), before);
    assert.equal(fake.requests.length, 0, "nothing was begun");
  });

  test(`${what} that came there later is not written over`, async (t) => {
    const fake = await feed(t);
    const cacheFile = join(await folder(t), "view");
    const { verifier, failures } = await follow(t, fake, { cacheFile });
    await until("it is written", () => lstatSync(cacheFile, { throwIfNoEntry: false })?.isFile());
    rmSync(cacheFile);
    try {
      // Put there in one step, since a write may happen at any time.
      await put(`${cacheFile}.new`, t);
      renameSync(`${cacheFile}.new`, cacheFile);
    } catch (error) {
      return t.skip(String(error));
    }
    const before = state(cacheFile);
    fake.publish(setOf({ entries: [{ token: "a-token-of-the-tests" }] }));
    await until("it is told", () => failures().some((why) => why.includes(cacheFile)));
    await verifier.close();
    assert.equal(state(cacheFile), before);
  });
}

for (const text of ['{"format":1,"feed":"', '{"format": 1, "audience": "', '{"format":999999999,"sha256":"']) {
  test(`a file that begins as one of another version does, ${text}, is not used, and is written over`, async (t) => {
    const fake = await feed(t);
    const cacheFile = join(await folder(t), "view");
    writeFileSync(cacheFile, text, { mode: 0o600 });
    const { verifier, failures } = await follow(t, fake, { cacheFile });
    await verifier.close();
    assert.match(failures()[0] ?? "", /is not used/);
    assert.match(readFileSync(cacheFile, "utf8"), /^\{"format":2,"sha256":"/);
  });
}

test("an empty file of ours is taken as one's own", async (t) => {
  const fake = await feed(t);
  const cacheFile = join(await folder(t), "view");
  writeFileSync(cacheFile, "", { mode: 0o600 });
  const { verifier, failures } = await follow(t, fake, { cacheFile });
  await verifier.close();
  assert.deepEqual(failures(), []);
  assert.match(readFileSync(cacheFile, "utf8"), /^\{"format":/);
});
