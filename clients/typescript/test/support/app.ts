/** An Express app behind our middleware, and calls to it. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import express from "express";

import { authOf, requireToken, type Verifier } from "../../src/index.js";

/** Its URL. The handler says which version called. */
export async function app(t: TestContext, verifier: Verifier): Promise<string> {
  const made = express();
  made.use(requireToken(verifier));
  made.use((request, response) => void response.end(authOf(request)?.extra.version));
  const server = made.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

export async function call(url: string, token: string): Promise<Response> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await response.text();
  return response;
}
