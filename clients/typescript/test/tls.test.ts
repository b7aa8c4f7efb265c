/** The feed over TLS, with a CA and a client certificate of one's own. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { test, type TestContext } from "node:test";

import { Verifier, type EventHook } from "../src/index.js";
import { AUDIENCE, FakeFeed, setOf, until } from "./support/fake-feed.js";
import { feed, folder } from "./support/world.js";

/** A CA, and a certificate of it for each name. */
async function certificates(t: TestContext, names: string[]) {
  const path = await folder(t);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: path, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-days", "1", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem");
  for (const name of names) {
    openssl("req", ...key, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    writeFileSync(join(path, "san"), "subjectAltName=IP:127.0.0.1\n");
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "1",
      "-extfile",
      "san",
      "-out",
      `${name}.pem`,
    );
  }
  return (name: string) => readFileSync(join(path, name));
}

/** Ends TLS before a feed; tells who called. */
async function behindTls(t: TestContext, fake: FakeFeed, read: (name: string) => Buffer) {
  const callers: string[] = [];
  const tls = {
    key: read("server.key"),
    cert: read("server.pem"),
    ca: read("ca.pem"),
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = createServer(tls, (request, response) => {
    callers.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => name !== "host")) as Record<
      string,
      string
    >;
    fetch(`${fake.url}${request.url}`, { headers }).then(
      async (answer) => response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text()),
      () => response.destroy(),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => sockets.add(socket));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, callers };
}

test("a private CA is trusted where it is given, a client certificate shown, and no other CA believed", async (t) => {
  const read = await certificates(t, ["server", "slack-mcp-server"]);
  const fake = await feed(t, setOf());
  const { url, callers } = await behindTls(t, fake, read);
  const given = { ca: read("ca.pem"), cert: read("slack-mcp-server.pem"), key: read("slack-mcp-server.key") };
  const failures: string[] = [];
  const connect = async (tls: () => object) => {
    const onEvent: EventHook = (event) => void ("error" in event && failures.push(event.error.message));
    const verifier = await Verifier.connect({ url, audience: AUDIENCE, tls, onEvent });
    t.after(() => verifier.close());
    return verifier;
  };
  const verifier = await connect(() => given);
  await until("a view", () => verifier.status().fresh);
  assert.equal(callers[0], "slack-mcp-server");
  // Whatever the environment says.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
  const { cert, key } = given;
  for (const tls of [{ cert, key }, { cert, key, rejectUnauthorized: false }, {}]) {
    assert.equal((await connect(() => tls)).status().entries, undefined);
    assert.match(failures.splice(0).join(), /certificate/);
  }
});
