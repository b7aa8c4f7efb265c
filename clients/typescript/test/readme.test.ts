/** The README can't rot: its first code is the example's, the rest of it compiles, and its links lead somewhere. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** From build/test. */
const PACKAGE = new URL("../../", import.meta.url);
const README = readFileSync(new URL("README.md", PACKAGE), "utf8");

/** The fenced blocks of TypeScript. */
const blocks = [...README.matchAll(/^```ts[^\n]*\n(.*?)^```$/gms)].map(([, block]) => block ?? "");

test("the five lines stand in the example, word for word", () => {
  const source = readFileSync(new URL("../../examples/typescript/server.ts", PACKAGE), "utf8").split("\n");
  const lines = blocks[0]?.split("\n").filter((line) => line !== "") ?? [];
  assert.equal(lines.length, 5);
  for (const line of lines) assert.ok(source.includes(line), line);
});

test("the other code compiles against the package as it is built", () => {
  const folder = new URL("build/readme/", PACKAGE);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const known = `import type { Express } from "express";
import type { FastifyInstance } from "fastify";
import { authOf, requireToken, type AnyRequest, type AuthInfo, type Verifier } from "@crossfade/verify";
declare const [app, verifier, audience, url, credential, server]: [Express, Verifier, string, string, string, string];
declare const [fastify, handler]: [FastifyInstance, (request: Request, auth: AuthInfo) => Promise<Response>];
`;
  assert.equal(blocks.length, 7, "of a web handler, Fastify, the SDK v1, v2, a bot, and sessions");
  blocks.slice(1).forEach((block, at) => writeFileSync(new URL(`${at}.ts`, folder), known + block));
  const options = { noEmit: true, noUnusedLocals: false, noUnusedParameters: false };
  const config = { extends: "../../tsconfig.json", compilerOptions: options, include: ["*.ts"], exclude: [] };
  writeFileSync(new URL("tsconfig.json", folder), JSON.stringify(config));
  const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", PACKAGE));
  execFileSync(process.execPath, [tsc, "-p", fileURLToPath(folder)], { stdio: "inherit" });
});

test("it needs the Node that package.json asks for, and so do the examples", () => {
  const engines = (path: string) => {
    const { engines } = JSON.parse(readFileSync(new URL(path, PACKAGE), "utf8")) as { engines: { node: string } };
    return engines.node;
  };
  // What has `crc32` in `node:zlib`: neither 21 has it, nor 22.0 and 22.1.
  assert.equal(engines("package.json"), "^20.15 || >=22.2");
  assert.match(README, /Node\.js \(20\.15 or a newer 20, 22\.2 or newer/);
  for (const example of ["", "slack-bot/"]) {
    assert.equal(engines(`../../examples/${example}typescript/package.json`), engines("package.json"));
  }
});

test("every link leads to a file", () => {
  for (const [, target = ""] of README.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
    assert.ok(target.includes("://") || existsSync(new URL(target, PACKAGE)), target);
  }
});

test("its sections are those of all verifiers, in their order", () => {
  const sections = [...README.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  assert.deepEqual(sections, [
    "Install",
    "Guard a server",
    "The MCP SDKs",
    "Behind the guard (who called)",
    "Options",
    "Where it runs",
    "While the daemon is down",
    "Events and metrics",
    "A bot's token (`TokenSource`)",
    "Browsers (CORS)",
    "Sessions",
  ]);
});
