/** Guards a web-standard handler, of `Request` to `Response`: Bun, Deno, Hono, or the MCP SDK v2's own. */

import type { AuthInfo } from "./auth-info.js";
import { Guard, type RequireTokenOptions } from "./guard.js";
import type { Verifier } from "./verifier.js";

/** A request that has passed: without the credential, and who sent it. */
export interface Passed {
  readonly request: Request;
  readonly auth: AuthInfo;
}

/**
 * Makes a guard: it returns the request that has passed, or the `Response` to answer with.
 *
 *     const passed = await authorize(request);
 *     return passed instanceof Response ? passed : handler(passed.request, passed.auth);
 *
 * A request that was aborted while the guard waited is not handed on, whoever sent it: its `Response`, which nobody
 * reads, says 503. It is no rejection, because servers would log each client that goes as an error of theirs.
 */
export function authorizer(
  verifier: Verifier,
  options: RequireTokenOptions = {},
): (request: Request) => Promise<Passed | Response> {
  const guard = new Guard(verifier, options);
  return async (request) => {
    const judged = await guard.judge(rawHeadersOf(request.headers));
    if ("refusal" in judged) {
      const { status, headers, body } = judged.refusal;
      return new Response(request.method === "HEAD" ? null : body, { status, headers });
    }
    if (request.signal.aborted) return new Response(null, { status: 503, headers: { "Retry-After": "1" } });
    const headers = new Headers(request.headers);
    for (const name of ["authorization", ...guard.named]) headers.delete(name);
    return { request: new Request(request, { headers }), auth: judged.auth };
  };
}

/** `Headers` joins those of one name. No token has a space, so that tokens that were joined come apart again. */
function rawHeadersOf(headers: Headers): string[] {
  return [...headers].flatMap(([name, joined]) => joined.split(", ").flatMap((value) => [name, value]));
}
