/** What the examples take from the environment, and how they say where they listen. */

import type { AddressInfo } from "node:net";

import type { Express } from "express";

function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set; see clients/typescript/README.md`);
  return value;
}

const [host = "127.0.0.1", port = "8800"] = (process.env.LISTEN ?? "127.0.0.1:8800").split(/:(?=\d+$)/);

export const settings = {
  url: needed("CROSSFADE_URL").split(","),
  credential: needed("CROSSFADE_CREDENTIAL"),
  audience: needed("CROSSFADE_AUDIENCE"),
  cacheFile: process.env.CROSSFADE_CACHE,
};

/** The names by which this server may be called; others are a browser's, led here by DNS. */
export const allowedHosts = [...new Set(["localhost", "127.0.0.1", host, new URL(settings.audience).hostname])];

export function listen(app: Express, stop: () => Promise<void>): void {
  const server = app.listen(Number(port), host, () => {
    const { address, port: taken } = server.address() as AddressInfo;
    console.log(`listening on http://${address}:${taken}/mcp`);
  });
  process.once("SIGTERM", () => {
    server.close();
    server.closeAllConnections();
    void stop();
  });
}
