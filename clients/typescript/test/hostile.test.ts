/** What a hostile feed can cost: operations are counted, and not time. Twice as much input is twice as much work. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Session } from "node:inspector/promises";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";

import { AcceptSet } from "../src/accept-set.js";
import { AUDIENCE, setOf } from "./support/fake-feed.js";

// Compiled code counts nothing.
for (const compiler of ["opt", "maglev", "sparkplug"]) setFlagsFromString(`--no-${compiler}`);

/** How often blocks of our code are entered, as V8 counts them. */
async function operations(work: () => void): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    work();
    const { result } = await session.post("Profiler.takePreciseCoverage");
    const ours = result.filter(({ url }) => url.includes("/build/src/"));
    return ours.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges)).reduce((sum, { count }) => sum + count, 0);
  } finally {
    session.disconnect();
  }
}

function parse(json: string): void {
  try {
    AcceptSet.parse(Buffer.from(json), AUDIENCE);
  } catch {
    // Whether it is a set does not matter here.
  }
}

const inside = (text: string) => setOf().replace("{", `{"unknown":${text},`);
const entry = (digest: string) =>
  `{"digest":"${digest}","secret":"s","version":"v","stage":"current","client_id":"c","scopes":[],"created_ms":1,"grace_ms":1,"not_after_ms":null}`;
const times = (n: number, text: (at: number) => string) => Array.from({ length: n }, (_, at) => text(at)).join(",");

const inputs: Record<string, (n: number) => string> = {
  "many empty arrays": (n) => inside(`[${times(n, () => "[]")}]`),
  "many objects": (n) => inside(`[${times(n, () => '{"a":0}')}]`),
  "many keys in one object": (n) => inside(`{${times(n, (at) => `"${at}":0`)}}`),
  "a long string of escapes": (n) => inside(`"${"\\n".repeat(n)}"`),
  "a long run of white space": (n) => inside(`${" ".repeat(n * 10)}0`),
  "many scopes": (n) => setOf().replace("[]", `[${entry("A".repeat(43)).replace("[]", `[${times(n, () => '""')}]`)}]`),
  "digests with one start of 8 bytes": (n) =>
    setOf().replace(
      "[]",
      `[${times(n, (at) => {
        const digest = createHash("sha256").update(String(at)).digest();
        return entry(digest.fill(7, 0, 8).toString("base64url"));
      })}]`,
    ),
  "the same digest again and again": (n) => setOf().replace("[]", `[${times(n, () => entry("A".repeat(43)))}]`),
};

for (const [what, input] of Object.entries(inputs)) {
  test(`${what}: the work grows as the input does`, async () => {
    const [once, twice] = [input(1_000), input(2_000)];
    const [few, more] = [await operations(() => parse(once)), await operations(() => parse(twice))];
    // Sorting has a logarithm.
    assert.ok(more < few * 2.3, `${few} for one, ${more} for two`);
  });
}

/** How much of V8's heap one byte of a text may take while it is read. */
const BYTES_FOR_ONE = 32;

for (const [what, input] of Object.entries(inputs)) {
  test(`${what}: the memory is bounded`, async () => {
    const text = input(40_000);
    // A worker that holds more ends with ERR_WORKER_OUT_OF_MEMORY. It needs some MB by itself.
    const resourceLimits = { maxOldGenerationSizeMb: 16 + (BYTES_FOR_ONE * text.length) / (1 << 20), maxYoungGenerationSizeMb: 4 };
    const worker = new Worker(new URL("./support/parses.js", import.meta.url), { workerData: text, resourceLimits });
    await once(worker, "exit");
  });
}

test("among digests with one start a token is found at once", async () => {
  const of = (n: number) => AcceptSet.parse(Buffer.from(inputs["digests with one start of 8 bytes"]!(n)), AUDIENCE);
  const [few, many] = [of(100), of(2_000)];
  const find = (set: AcceptSet) => () => assert.ok(set.find(set.entries.at(-1)!.digest.toString("base64url")));
  assert.equal(await operations(find(few)), await operations(find(many)));
});

test("what is nested too deep is given up at the sixteenth level", async () => {
  const deep = (n: number) => inside(`${"[".repeat(n)}${"]".repeat(n)}`);
  const [few, many] = [deep(20), deep(200_000)];
  assert.equal(await operations(() => parse(few)), await operations(() => parse(many)));
});
