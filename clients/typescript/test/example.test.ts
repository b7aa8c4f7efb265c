/** The example MCP servers, with the official clients of both SDKs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { call } from "./support/app.js";
import { Daemon } from "./support/daemon.js";
import { clients, example } from "./support/example.js";
import { until } from "./support/fake-feed.js";

const WRONG = "mcp_5mZrDnVkqwfsv1i2McfU8yYsJBFqWHsuoCmqYuAk_SQ3JB4nX";

for (const name of ["server", "server-v2"] as const) {
  test(`${name}: both official clients list and call a tool, with current and previous tokens, and nobody without one`, async (t) => {
    const daemon = await Daemon.started(t, "60s");
    const { url } = await example(t, name, [daemon.url]);
    const old = await daemon.token();
    await daemon.rotate();
    const current = await daemon.token();
    const { versions } = await daemon.status();
    const version = (stage: string) => versions.find((each) => each.stage === stage)?.version;
    for (const [client, ask] of Object.entries(clients)) {
      for (const [headers, stage, slack] of [
        [{ authorization: `Bearer ${current}` }, "current", false],
        [{ authorization: `Bearer ${old}` }, "previous", false],
        [{ "mcp-access-token": current, "slack-user-token": "xoxp-1" }, "current", true],
      ] as [Record<string, string>, string, boolean][]) {
        const [tools, caller] = await ask(url, headers);
        assert.deepEqual(tools, ["search-slack-messages", "whoami"], client);
        const identity = { client_id: "slack-bot", version: version(stage), stage };
        assert.deepEqual(caller, { ...identity, slack_user_token_present: slack, authorization_seen: false }, client);
      }
      await assert.rejects(ask(url, {}), client);
      await assert.rejects(ask(url, { authorization: `Bearer ${WRONG}` }), client);
    }
    assert.equal((await fetch(url, { method: "POST" })).status, 401);
  });
}

test("a server that was stopped for longer than freshness refuses no token of a rotation that it missed", async (t) => {
  const daemon = await Daemon.started(t, "60s");
  const { url, signal } = await example(t, "server", [daemon.url]);
  for (let round = 0; round < 3; round += 1) {
    signal("SIGSTOP");
    await daemon.rotate();
    const token = await daemon.token();
    await sleep(1_500);
    // Sent while it stands still, so that it is the first thing that it sees.
    const first = call(url, token);
    await sleep(100);
    signal("SIGCONT");
    assert.notEqual((await first).status, 401);
    await until("it is accepted", async () => (await call(url, token)).status !== 503);
    assert.equal((await call(url, token)).status, 405, "past the guard");
  }
});
