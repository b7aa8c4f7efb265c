/** The example servers, as their readers start them. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { AUDIENCE, VERIFIER } from "./daemon.js";
import { until } from "./fake-feed.js";

const FOLDER = new URL("../../../../../examples/typescript/", import.meta.url);

/** Starts one; its URL, and how to send it a signal. */
export async function example(t: TestContext, name: "server" | "server-v2", feeds: string[]) {
  const script = fileURLToPath(new URL(`build/${name}.js`, FOLDER));
  if (!existsSync(script))
    throw new Error(`${script} is not there: \`npm ci && npm run build\` in examples/typescript`);
  const env = {
    PATH: process.env.PATH,
    LISTEN: "127.0.0.1:0",
    CROSSFADE_URL: feeds.join(","),
    CROSSFADE_CREDENTIAL: VERIFIER,
    CROSSFADE_AUDIENCE: AUDIENCE,
  };
  const child = spawn(process.execPath, [script], { env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(async () => {
    const gone = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const [code] = (await gone) as [number | null];
    if (code !== 0) throw new Error(`the example ended with ${code}: ${said}`);
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  const url = await until("the example listens", () => {
    if (child.exitCode !== null) throw new Error(`the example ended: ${said}`);
    return /^listening on (\S+)$/m.exec(said)?.[1];
  });
  return { url, signal: (signal: NodeJS.Signals) => child.kill(signal) };
}

/** The official clients: what tools there are, and what `whoami` says. */
export const clients: Record<string, (url: string, headers: Record<string, string>) => Promise<[string[], unknown]>> = {
  async v1(url, headers) {
    const client = new ClientV1({ name: "test", version: "1" });
    await client.connect(
      new TransportV1(new URL(url), { requestInit: { headers } }) as Parameters<ClientV1["connect"]>[0],
    );
    return asked(client);
  },
  async v2(url, headers) {
    const client = new ClientV2({ name: "test", version: "1" });
    await client.connect(new TransportV2(new URL(url), { requestInit: { headers } }));
    return asked(client);
  },
};

interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<{ [key: string]: unknown }>;
  close(): Promise<void>;
}

async function asked(client: AnyClient): Promise<[string[], unknown]> {
  try {
    const { tools } = await client.listTools();
    const { content } = await client.callTool({ name: "whoami", arguments: {} });
    const [first] = content as { text: string }[];
    return [tools.map(({ name }) => name).sort(), JSON.parse(first?.text ?? "null")];
  } finally {
    await client.close();
  }
}
