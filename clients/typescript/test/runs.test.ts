/** Where the package runs: each runtime, framework and adapter that the README names, once. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";

import { AUDIENCE, setOf } from "./support/fake-feed.js";
import { bin, installed, ran } from "./support/installed.js";
import { feed } from "./support/world.js";

const TOKEN = "a-token-of-the-tests";
const UNKNOWN = "a-token-that-nobody-made";
const folder = installed("installed");
const script = `${folder}/server.mjs`;

const runtimes: Record<string, [program: string, args: string[], kinds: string[]]> = {
  Node: [
    process.execPath,
    [script],
    ["http", "http2", "express", "express4", "fastify", "web", "serverless-http", "serverless-express"],
  ],
  Bun: [bin("bun"), ["run", script], ["http", "express", "fastify", "web"]],
  Deno: [bin("deno"), ["run", "--allow-all", "--no-lock", script], ["http", "express", "fastify", "web"]],
};

const started = async (t: TestContext) => (await feed(t, setOf({ entries: [{ token: TOKEN }] }))).url;

for (const [name, [program, args, kinds]] of Object.entries(runtimes)) {
  for (const kind of kinds) {
    test(`${name}, ${kind}: lets in who may, and ends though its verifier was not closed`, async (t) => {
      const answers = await ran(folder, program, [...args, kind, await started(t), AUDIENCE, TOKEN, UNKNOWN]);
      assert.deepEqual(answers, ["200 slack-bot none", 401, 401]);
    });
  }

  test(`${name}: whoever waits gets an answer while no daemon answers, and the process ends`, async (t) => {
    const fake = await feed(t);
    fake.instead = () => true;
    const ends = args.map((arg) => arg.replace("server.mjs", "ends.mjs"));
    assert.deepEqual(await ran(folder, program, [...ends, fake.url, AUDIENCE]), ["unsure", "no token"]);
  });
}

test("`require` loads all of it, also where Node can't require a module", async () => {
  const alone = process.allowedNodeEnvironmentFlags.has("--experimental-require-module")
    ? ["--no-experimental-require-module"]
    : [];
  assert.deepEqual(await ran(folder, process.execPath, [...alone, "required.cjs"]), [true, false]);
});

test("the hook of a server's own SDK v1 knows our refusals", async (t) => {
  const answers = await ran(folder, process.execPath, ["mcp-v1.mjs", await started(t), AUDIENCE, TOKEN, UNKNOWN]);
  assert.deepEqual(answers, [200, 401]);
});

test("a bundle of esbuild runs by itself, as a module and by `require`", async (t) => {
  const url = await started(t);
  for (const [format, out] of [["esm", "bundle.mjs"], ["cjs", "bundle.cjs"]] as const) {
    const entry = format === "esm" ? "server.mjs" : "required.cjs";
    const external = format === "esm" ? ["express", "express4", "fastify", "serverless-http", "@codegenie/*"] : [];
    const options = ["--bundle", "--platform=node", `--format=${format}`, `--outfile=${out}`, "--log-level=error"];
    await promisify(execFile)(bin("esbuild"), [entry, ...options, ...external.map((each) => `--external:${each}`)], {
      cwd: folder,
    });
    const answers = await ran(folder, process.execPath, [out, "http", url, AUDIENCE, TOKEN, UNKNOWN]);
    if (format === "esm") assert.deepEqual(answers, ["200 slack-bot none", 401, 401]);
    else assert.equal((answers as unknown[])[0], true);
  }
});

test("Jest ends by itself", async (t) => {
  const config = JSON.stringify({ rootDir: folder, testMatch: ["**/jest.test.cjs"], haste: { forceNodeFilesystemAPI: true } });
  const environment = { FEED: await started(t), AUDIENCE, ACCEPTED: TOKEN };
  const result = await ran(folder, bin("jest"), ["--config", config, "--json", "--watchman=false"], environment);
  assert.equal((result as { numPassedTests: number }).numPassedTests, 1);
});
