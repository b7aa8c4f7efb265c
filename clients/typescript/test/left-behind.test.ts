/** A cache file of an earlier release is read as it was meant. */

import assert from "node:assert/strict";
import { chmod, copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { Verifier } from "../src/index.js";
import { AUDIENCE, CREDENTIAL } from "./support/fake-feed.js";
import { folder } from "./support/world.js";

// From build/test, whatever folder the tests are started in.
const leftBehind = (name: string) => new URL(`../../../../tests/fixtures/0.1.0/${name}`, import.meta.url);

test("a cache of 0.1.0 accepts what it knew, and refuses nothing", async (t) => {
  const cacheFile = join(await folder(t), "cache");
  await copyFile(leftBehind("cache-typescript"), cacheFile);
  await chmod(cacheFile, 0o600);
  const tokens = JSON.parse(await readFile(leftBehind("tokens.json"), "utf8")) as Record<string, string>;
  const head = JSON.parse((await readFile(cacheFile, "utf8")).split("\n")[0] ?? "") as Record<string, number>;
  // A second later, on whatever machine and in whatever year this runs.
  const later = { bootMs: Number(head.boot_ms) + 1_000, wallMs: Number(head.wall_ms) + 1_000 };
  const nobody = { url: "http://127.0.0.1:9", credential: CREDENTIAL, audience: AUDIENCE };
  const verifier = await Verifier.connect({ ...nobody, cacheFile, clock: () => later, onEvent: () => undefined });
  t.after(() => verifier.close());
  for (const name of ["current", "previous", "paused", "leaked"]) {
    assert.equal(verifier.verify(tokens[name] ?? "").verdict, "accepted", name);
  }
  assert.equal(verifier.verify(tokens.ended ?? "").verdict, "unsure");
});
