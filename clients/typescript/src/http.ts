/**
 * One request to a replica: bounded in time and in size, never redirected, never in the clear by accident.
 *
 * Neither a socket nor a timer of it keeps the process: a server that is done ends, whether its verifier was closed or
 * not. What somebody waits for is kept by `awaited`.
 *
 * Not `fetch`, which follows redirects unless told, has no way to a private CA, and can't say that a header was doubled.
 */

import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";

/** PEM, as Node's `tls` takes it. There is deliberately no way to turn certificate checks off. */
export interface Tls {
  readonly ca?: string | Buffer | (string | Buffer)[];
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

/** How to reach the daemon. */
export interface Connection {
  /** The base URL of a replica, or of each of several. */
  readonly url: string | readonly string[];
  /** The client credential that `crossfade credential` printed; needed but with a client certificate over `https://`. */
  readonly credential?: string | undefined;
  /** A function is asked for each request, so that a renewed certificate counts without a restart. */
  readonly tls?: Tls | (() => Tls) | undefined;
  /**
   * Lets `http://` leave this machine. Whoever is on the way can then read the credential and every token that is
   * handed out, and make any token accepted.
   */
  readonly dangerouslyAllowPlaintext?: boolean | undefined;
}

export interface Answer {
  readonly status: number;
  /** All values of a header. */
  readonly headers: (name: string) => string[];
  readonly body: Buffer;
  /** The replica does not want to be asked again on this connection: it may be about to end. */
  readonly closes: boolean;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** How long the answer may take as a whole; with `bodyMs` its head alone. */
  readonly timeoutMs: number;
  /** How long the body may take after its head. */
  readonly bodyMs?: number | undefined;
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Called when the head has come. */
  readonly onHead?: () => void;
}

const CREDENTIAL = /^[\x21-\x7e]{1,512}$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** A replica that answers in another way than it should. Never with a token or a credential in the message. */
export class FeedError extends Error {
  override readonly name = "FeedError";
}

/** One replica of the daemon. */
export class Replica {
  readonly url: URL;
  readonly #connection: Connection;
  readonly #agent: HttpAgent;

  constructor(url: string, connection: Connection) {
    this.url = checked(url, connection);
    this.#connection = connection;
    const keep = { keepAlive: true, maxFreeSockets: 2 };
    this.#agent = this.url.protocol === "https:" ? new HttpsAgent(keep) : new HttpAgent(keep);
  }

  /** `target` is a path below the replica's URL, with its query. */
  async ask(target: string, ask: Ask): Promise<Answer> {
    for (;;) {
      const sent: Sent = { request: undefined, begun: false };
      try {
        return await this.#send(target, ask, sent);
      } catch (error) {
        sent.request?.destroy();
        if (sent.late !== undefined) throw sent.late;
        if (!wasCutBefore(sent) || ask.signal?.aborted === true) throw this.#failed(error);
        // The other idle connections are as old as the one that was cut: the next one is new.
        for (const socket of Object.values(this.#agent.freeSockets).flat()) socket?.destroy();
      }
    }
  }

  #send(target: string, ask: Ask, sent: Sent): Promise<Answer> {
    const late = (what: string) => {
      sent.late = new FeedError(`${this.url.host}: ${what}`);
      sent.request?.destroy(sent.late);
    };
    let timer = setTimeout(late, ask.timeoutMs, `no answer within ${ask.timeoutMs} ms`).unref();
    const answer = new Promise<Answer>((resolve, reject) => {
      const send = this.url.protocol === "https:" ? httpsRequest : httpRequest;
      const request = send(this.#target(target), this.#options(ask), (message) => {
        try {
          sent.begun = true;
          if (ask.bodyMs !== undefined) {
            clearTimeout(timer);
            timer = setTimeout(late, ask.bodyMs, "its body did not come in time").unref();
          }
          ask.onHead?.();
          collect(message, ask.maxBytes).then(resolve, reject);
        } catch (error) {
          reject(error as Error);
        }
      });
      sent.request = request;
      request.on("socket", (socket) => socket.unref());
      request.on("error", reject);
      request.end(ask.body);
    });
    return answer.finally(() => clearTimeout(timer));
  }

  #failed(error: unknown): FeedError {
    if (error instanceof FeedError) return error;
    return new FeedError(`${this.url.host}: ${reason(error)}`, { cause: error });
  }

  close(): void {
    this.#agent.destroy();
  }

  #target(target: string): URL {
    const base = this.url.href.endsWith("/") ? this.url.href.slice(0, -1) : this.url.href;
    return new URL(base + target);
  }

  #options({ method = "GET", headers, body, signal }: Ask): RequestOptions {
    const { credential, tls } = this.#connection;
    return {
      // Said here, the environment can't turn it off (NODE_TLS_REJECT_UNAUTHORIZED).
      ...(this.url.protocol === "https:" && { ...settings(tls), rejectUnauthorized: true }),
      method,
      agent: this.#agent,
      headers: {
        ...headers,
        "accept-encoding": "identity",
        ...(typeof credential === "string" && { authorization: `Bearer ${credential}` }),
        ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      },
      ...(signal !== undefined && { signal }),
    };
  }
}

/** A request on its way. */
interface Sent {
  request: ClientRequest | undefined;
  /** Whether the head of an answer has come. */
  begun: boolean;
  /** Set where it took too long. */
  late?: FeedError;
}

/** Whether the request failed on a connection that was kept from before: the other end may have closed it meanwhile. */
function wasCutBefore({ request, begun }: Sent): boolean {
  return request?.reusedSocket === true && !begun;
}

/** Keeps the process until `promise` is settled: for what somebody waits for. */
export async function awaited<T>(promise: Promise<T>): Promise<T> {
  const kept = setInterval(() => undefined, 2 ** 30);
  try {
    return await promise;
  } finally {
    clearInterval(kept);
  }
}

/** The replicas of a connection; throws where it is not one to rely on. */
export function replicas(connection: Connection): Replica[] {
  const urls = [connection.url].flat();
  if (urls.length === 0) throw new TypeError("`url` names no replica: give the daemon's base URL");
  for (const url of urls) needed("url", url, "the daemon's base URL");
  const { credential } = connection;
  if (typeof credential === "string" && !CREDENTIAL.test(credential)) {
    throw new TypeError("`credential` is not what `crossfade credential` printed: visible ASCII, without spaces");
  }
  const made = urls.map((url) => new Replica(url, connection));
  if (!made.every((replica) => showsCertificate(replica, connection))) {
    needed("credential", credential, "what `crossfade credential` printed, or over https:// a client certificate in `tls`");
  }
  return made;
}

/** A setting is often a variable of the environment, which may be unset whatever its type says. */
export function needed(name: string, value: unknown, what: string): void {
  if (typeof value !== "string" || value === "") throw new TypeError(`\`${name}\` is missing: give ${what}`);
}

/** What a function will return can't be known yet. */
function showsCertificate({ url }: Replica, { tls }: Connection): boolean {
  return url.protocol === "https:" && (typeof tls === "function" || tls?.cert !== undefined);
}

function checked(text: string, { dangerouslyAllowPlaintext = false }: Connection): URL {
  if (!URL.canParse(text)) throw new TypeError("`url` is not a URL: give the daemon's base URL, https://host:port");
  const url = new URL(text);
  const wrong = (why: string) => new TypeError(`the feed's URL ${url.protocol}//${url.host}/ can't be used: ${why}`);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw wrong("it has a user, a query or a fragment; the credential goes into `credential`");
  }
  if (url.protocol === "https:") return url;
  if (url.protocol !== "http:") throw wrong("use https://");
  if (!LOOPBACK.test(url.hostname) && !dangerouslyAllowPlaintext) {
    throw wrong(
      "plain http:// leaves this machine, and whoever is on the way could make any token accepted; use https://",
    );
  }
  return url;
}

/** A promise would be taken for settings that are empty, and its rejection would end the process. */
function settings(tls: Connection["tls"]): Tls | undefined {
  const found = typeof tls === "function" ? tls() : tls;
  if (!(found instanceof Promise)) return found;
  found.catch(() => undefined);
  throw new FeedError("`tls` has to return what it has read, and no promise of it");
}

async function collect(message: IncomingMessage, maxBytes: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new FeedError(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const headers = (name: string) => message.headersDistinct[name] ?? [];
  const closes = headers("connection").some((value) => /(^|,)\s*close\s*(,|$)/i.test(value));
  return { status: message.statusCode ?? 0, headers, body: Buffer.concat(chunks), closes };
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return "the request failed";
  const code = (error as NodeJS.ErrnoException).code;
  return error.message === "" ? (code ?? error.name) : error.message;
}
