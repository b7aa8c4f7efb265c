/** A feed that does what a test says, on a real socket. */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const AUDIENCE = "https://mcp.example.com/slack";
export const CREDENTIAL = "cfc_of-the-tests";

export interface SetOptions {
  audience?: string;
  freshnessMs?: number;
  holdMs?: number;
  entries?: {
    token: string;
    clientId?: string;
    stage?: string;
    version?: string;
    scopes?: string[];
    notAfterMs?: number;
    graceMs?: number;
  }[];
}

/** The text of an accept set. */
export function setOf({
  audience = AUDIENCE,
  freshnessMs = 60_000,
  holdMs = 86_400_000,
  entries = [],
}: SetOptions = {}): string {
  const written = entries.map(
    ({ token, clientId = "slack-bot", stage = "current", version = "v-1", scopes = [], notAfterMs = null, graceMs = 60_000 }) => ({
      digest: createHash("sha256").update(token).digest("base64url"),
      secret: "mcp/slack-bot-token",
      version,
      stage,
      client_id: clientId,
      scopes,
      created_ms: 1,
      grace_ms: graceMs,
      not_after_ms: notAfterMs,
    }),
  );
  return JSON.stringify({ format: 1, audience, freshness_ms: freshnessMs, hold_ms: holdMs, entries: written });
}

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => boolean | void;

export class FakeFeed {
  readonly requests: { url: string; headers: NodeJS.Dict<string | string[]> }[] = [];
  readonly reports: { counts: { version: string | null; verdict: string; count: number; last_ms_ago: number }[] }[] =
    [];
  /** How old the daemon's view of the store is. */
  ageMs = 0;
  /** The store's time, beside this machine's. */
  skewMs = 0;
  /** Changes any request before it is answered; true: it was answered. */
  instead: Handler | undefined;
  #json: string;
  #held = new Set<() => void>();
  readonly #server = createServer((request, response) => this.#take(request, response));

  private constructor(json: string) {
    this.#json = json;
  }

  static async start(json: string = setOf(), port = 0): Promise<FakeFeed> {
    const feed = new FakeFeed(json);
    await new Promise<void>((resolve) => feed.#server.listen(port, "127.0.0.1", resolve));
    return feed;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Another set: who is held is told. */
  publish(json: string): void {
    this.#json = json;
    for (const release of this.#held) release();
  }

  /** Another set, of which nobody who is held is told. */
  silently(json: string): void {
    this.#json = json;
  }

  /** How many connections are open. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }

  get polls(): typeof this.requests {
    return this.requests.filter(({ url }) => url.startsWith("/v1/accept-set"));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  etag(json: string = this.#json): string {
    return `"${createHash("sha256").update(json).digest("hex").slice(0, 16)}"`;
  }

  /** What an answer says of its place in time. */
  timing(request: IncomingMessage, heldMs: number): string {
    const nonce = request.headers["crossfade-nonce"];
    return `now=${Date.now() + this.skewMs}, age=${this.ageMs}, held=${heldMs}, nonce=${String(nonce)}`;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      this.requests.push({ url: request.url ?? "", headers: request.headers });
      if (this.instead?.(request, response, body) === true) return;
      if (request.url === "/v1/reports") {
        this.reports.push(JSON.parse(body) as (typeof this.reports)[number]);
        response.writeHead(204).end();
      } else {
        this.#answer(request, response);
      }
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const known = request.headers["if-none-match"];
    const began = Date.now();
    const write = () => {
      clearTimeout(timer);
      this.#held.delete(write);
      if (this.instead?.(request, response, "") === true) return;
      const etag = this.etag();
      const timing = this.timing(request, Date.now() - began);
      response.writeHead(known === etag ? 304 : 200, { etag, "crossfade-timing": timing });
      response.end(known === etag ? undefined : this.#json);
    };
    const { freshness_ms: freshnessMs } = JSON.parse(this.#json) as { freshness_ms: number };
    const held = known === this.etag() && request.headers.prefer !== undefined;
    const timer = setTimeout(write, held ? freshnessMs / 2 : 0);
    if (held) this.#held.add(write);
    response.on("close", () => {
      clearTimeout(timer);
      this.#held.delete(write);
    });
  }
}

/** Waits for a condition, not for a time. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = Date.now() + 120_000;
  while (Date.now() < end) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`never came: ${what}`);
}
