/** The package as its users get it: packed, and unpacked beside the scripts of `test/runs`. */

import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** From build/test/support. Under it the frameworks are found, too. */
const PACKAGE = fileURLToPath(new URL("../../../", import.meta.url));

export const bin = (name: string) => `${PACKAGE}node_modules/.bin/${name}`;

/** The folder with the scripts. */
export function installed(name: string): string {
  const folder = `${PACKAGE}build/${name}`;
  const unpacked = `${folder}/node_modules/@crossfade/verify`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: PACKAGE });
  execFileSync("tar", ["-xzf", `${folder}/crossfade-verify-0.1.0.tgz`, "-C", unpacked, "--strip-components=1"]);
  cpSync(`${PACKAGE}test/runs`, folder, { recursive: true });
  return folder;
}

/** Runs a program to its end, and reads the JSON that it printed last. One that does not end fails. */
export async function ran(cwd: string, program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const options = { cwd, env: { ...process.env, NODE_OPTIONS: "", ...env }, timeout: 120_000, killSignal: "SIGKILL" } as const;
  const { stdout } = await promisify(execFile)(program, args, options);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null");
}
