/** A server that was frozen between two requests (SIGSTOP, a Lambda) was cut off without knowing it. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { call } from "./support/app.js";
import { AUDIENCE, Daemon, VERIFIER } from "./support/daemon.js";
import { until } from "./support/fake-feed.js";

const SERVER = fileURLToPath(new URL("support/frozen-server.js", import.meta.url));

async function server(t: TestContext, daemon: Daemon) {
  const child = spawn(process.execPath, [SERVER, daemon.url, VERIFIER, AUDIENCE], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const url = line.toString().trim();
  const stopped = async () => {
    child.kill("SIGSTOP");
    // Longer than `accept_within`, which is freshness here.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  };
  return { url, stopped, thaw: () => child.kill("SIGCONT") };
}

test("thawed for each of 20 requests after `revoke --all`, it accepts the dead token not once", async (t) => {
  const daemon = await Daemon.started(t, "60s");
  const { url, stopped, thaw } = await server(t, daemon);
  const dead = await daemon.token();
  assert.equal((await call(url, dead)).status, 200);
  await stopped();
  await daemon.cli("revoke", "mcp/slack-bot-token", "--all", "--yes");
  await until("the daemon itself refuses it", () => daemon.refuses(dead));
  const statuses: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    // The request is there before the server runs again, so that nothing of the feed can come first.
    const answer = call(url, dead);
    await new Promise((resolve) => setTimeout(resolve, 50));
    thaw();
    statuses.push((await answer).status);
    await stopped();
  }
  assert.ok(!statuses.includes(200), `${statuses}`);
  thaw();
  await until("it is refused", async () => (await call(url, dead)).status === 401);
  const current = await daemon.token();
  await until("the new token is accepted", async () => (await call(url, current)).status === 200);
});

test("thawed while the daemon is down, it goes on accepting for `hold`", async (t) => {
  const daemon = await Daemon.started(t, "60s");
  const { url, stopped, thaw } = await server(t, daemon);
  const token = await daemon.token();
  assert.equal((await call(url, token)).status, 200);
  await daemon.kill();
  for (let n = 0; n < 3; n += 1) {
    await stopped();
    const answer = call(url, token);
    await new Promise((resolve) => setTimeout(resolve, 50));
    thaw();
    assert.equal((await answer).status, 200);
  }
});
