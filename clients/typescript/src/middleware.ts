/** Guards an Express app, or any server of `node:http`: no request passes without a token that is accepted. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

import type { AuthInfo } from "./auth-info.js";
import { rawHeadersOf, strip } from "./credential.js";
import { Guard, type Judgement, type Refusal, type RequireTokenOptions } from "./guard.js";
import type { Verifier } from "./verifier.js";

export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** A request that may have passed. */
type Authorized = AnyRequest & { auth?: AuthInfo };

/** Who sent a request that has passed: `req.auth`, which the MCP SDKs read too. */
export function authOf(request: AnyRequest): AuthInfo | undefined {
  return (request as Authorized).auth;
}

/**
 * Middleware: the request passes with `req.auth` set and without the credential, every copy of it, or is answered:
 * 401 where there is no token or it is refused, 403 where it lacks a scope, 503 where that can't be said now. Every
 * method is guarded. `next` is called without an argument, for requests that pass and for no others.
 */
export function requireToken(verifier: Verifier, options: RequireTokenOptions = {}) {
  const guard = new Guard(verifier, options);
  return (request: AnyRequest, response: AnyResponse, next: () => void): void => {
    const judgement = guard.judge(rawHeadersOf(request));
    strip(request, guard.named);
    if (!(judgement instanceof Promise)) return settle(judgement);
    // What a handler throws is not ours to catch, and is no rejection of ours. Ours never rejects.
    void judgement.then((late) => process.nextTick(settle, late));

    function settle(judged: Judgement): void {
      // Somebody else may have answered while we waited, or nobody be left to answer.
      if (isOver(response)) return;
      if ("refusal" in judged) return answer(response, judged.refusal);
      (request as Authorized).auth = judged.auth;
      next();
    }
  };
}

function isOver(response: AnyResponse): boolean {
  const { headersSent, writableEnded } = response;
  return headersSent || writableEnded || ("stream" in response ? response.stream?.destroyed !== false : response.destroyed);
}

/** Where no answer can be written, the connection ends: there is deliberately no way on to the handler. */
function answer(response: AnyResponse, { status, headers, body }: Refusal): void {
  try {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.statusCode = status;
    response.setHeader("Content-Length", Buffer.byteLength(body));
    response.end(body);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error("a refusal could not be written"));
    if ("stream" in response) response.stream.destroy();
    else response.destroy();
  }
}
