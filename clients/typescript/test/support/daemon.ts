/** The real daemon, on a folder of its own and an embedded store. Its binary: CROSSFADE_BIN. */

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

import { until } from "./fake-feed.js";
import { folder } from "./world.js";

const run = promisify(execFile);

export const SECRET = "mcp/slack-bot-token";
export const AUDIENCE = "https://mcp.example.com/slack";
/** Of the clients below, made for tests. */
export const VERIFIER = "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf";
export const BOT = "cfc_for-the-tour-only-never-use-it-as-a-bot----2hdIHn";

function binary(): string {
  const path = process.env.CROSSFADE_BIN;
  if (path === undefined || path === "") {
    throw new Error(
      "CROSSFADE_BIN is not set: it names the daemon to test with; `cargo build`, then CROSSFADE_BIN=$PWD/target/debug/crossfade",
    );
  }
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What `crossfade status -o json` says of the secret. */
export interface Status {
  versions: { version: string; stage: string; last_used_by: string | null }[];
  verifiers: { up_to_date: number };
}

export class Daemon {
  readonly #folder: string;
  readonly #listen: number;
  readonly #metrics: number;
  #child: ChildProcess | undefined;
  #log = "";

  private constructor(path: string, listen: number, metrics: number) {
    this.#folder = path;
    this.#listen = listen;
    this.#metrics = metrics;
  }

  /** Not started yet. `beside`: a replica on the same store. */
  static async make(t: TestContext, grace: string, beside?: Daemon): Promise<Daemon> {
    const path = await folder(t);
    const daemon = new Daemon(path, await freePort(), await freePort());
    const store = join((beside ?? daemon).#folder, "data");
    await writeFile(
      join(path, "config.yaml"),
      `listen: 127.0.0.1:${daemon.#listen}
metrics_listen: 127.0.0.1:${daemon.#metrics}
admin_socket: ${join(path, "admin.sock")}
audit_log: ${join(path, "audit.jsonl")}
store: {kind: embedded, path: ${store}}
sync: 300ms
freshness: 1s
hold: 60s
secrets:
  - {name: ${SECRET}, client_id: slack-bot, audience: "${AUDIENCE}", scopes: ["slack:search"], grace: ${grace}}
clients:
  - {id: slack-mcp-server, role: verifier, audiences: ["${AUDIENCE}"],
     credential_sha256: db256134bc9f86671e89e6de81a3334f835c5b63ec9ba422d976523a946f8a76}
  - {id: slack-bot-host, role: bot, secrets: [${SECRET}],
     credential_sha256: 972208d1a0477a34ebf8085453ca4c2df4d7507945e36534caf6c810552010fd}
`,
    );
    t.after(() => daemon.kill());
    return daemon;
  }

  static async started(t: TestContext, grace: string, beside?: Daemon): Promise<Daemon> {
    const daemon = await Daemon.make(t, grace, beside);
    await daemon.start();
    return daemon;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listen}`;
  }

  async start(): Promise<void> {
    const child = spawn(binary(), ["serve", "--log-format", "text"], {
      cwd: this.#folder,
      env: this.#environment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr?.on("data", (chunk) => (this.#log += String(chunk)));
    this.#child = child;
    await until(`the daemon is ready\n${this.#log}`, async () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended: ${this.#log}`);
      const ready = await fetch(`http://127.0.0.1:${this.#metrics}/readyz`).catch(() => undefined);
      return ready?.status === 200;
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** SIGKILL; done when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run(binary(), args, { cwd: this.#folder, env: this.#environment() });
    return stdout;
  }

  async token(): Promise<string> {
    return (await this.cli("token", SECRET)).trim();
  }

  async rotate(): Promise<void> {
    await this.cli("rotate", SECRET, "--wait");
  }

  async status(): Promise<Status> {
    const [status] = JSON.parse(await this.cli("status", SECRET, "-o", "json")) as Status[];
    if (status === undefined) throw new Error("no status");
    return status;
  }

  /** Whether it does so by the set that it hands to verifiers. */
  async refuses(token: string): Promise<boolean> {
    const target = `${this.url}/v1/accept-set?audience=${encodeURIComponent(AUDIENCE)}`;
    const set = await fetch(target, { headers: { authorization: `Bearer ${VERIFIER}` } });
    return !(await set.text()).includes(createHash("sha256").update(token).digest("base64url"));
  }

  #environment(): NodeJS.ProcessEnv {
    const { CROSSFADE_CONFIG, CROSSFADE_LOG, ...rest } = process.env;
    return rest;
  }
}
