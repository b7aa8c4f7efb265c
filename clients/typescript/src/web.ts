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
 * `Headers` joins those of one name: two `Authorization` are refused as one that is malformed.
 */
export function authorizer(
  verifier: Verifier,
  options: RequireTokenOptions = {},
): (request: Request) => Promise<Passed | Response> {
  const guard = new Guard(verifier, options);
  return async (request) => {
    const judged = await guard.judge([...request.headers].flat());
    if ("refusal" in judged) {
      const { status, headers, body } = judged.refusal;
      return new Response(request.method === "HEAD" ? null : body, { status, headers });
    }
    const headers = new Headers(request.headers);
    for (const name of ["authorization", ...guard.named]) headers.delete(name);
    return { request: new Request(request, { headers }), auth: judged.auth };
  };
}
