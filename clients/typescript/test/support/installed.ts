/** The package as its users get it: packed, and installed beside the scripts of `test/runs`, as the README says. */

import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** From build/test/support. Under it the frameworks are found, too. */
const PACKAGE = fileURLToPath(new URL("../../../", import.meta.url));

const INSTALL = /^cd YOUR-SERVER && npm install PATH-TO\/clients\/typescript\/(\S+)$/m;

export const bin = (name: string) => `${PACKAGE}node_modules/.bin/${name}`;

/** The folder with the scripts: a server's, which has the SDK v1 itself, and not from where our package is built. */
export function installed(name: string): string {
  const folder = `${PACKAGE}build/${name}`;
  const [, tarball = "no tarball"] = INSTALL.exec(readFileSync(`${PACKAGE}README.md`, "utf8")) ?? [];
  const sdk = "node_modules/@modelcontextprotocol/sdk";
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: PACKAGE });
  writeFileSync(`${folder}/package.json`, "{}");
  execFileSync("npm", ["install", "--silent", "--offline", "--no-audit", "--no-fund", `./${tarball}`], { cwd: folder });
  cpSync(`${PACKAGE}${sdk}`, `${folder}/${sdk}`, { recursive: true });
  cpSync(`${PACKAGE}test/runs`, folder, { recursive: true });
  return folder;
}

/** Runs a program to its end, and reads the JSON that it printed last. One that does not end fails. */
export async function ran(cwd: string, program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const options = { cwd, env: { ...process.env, NODE_OPTIONS: "", ...env }, timeout: 120_000, killSignal: "SIGKILL" } as const;
  const { stdout } = await promisify(execFile)(program, args, options);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null");
}
