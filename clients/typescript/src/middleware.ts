/** Guards an Express app, or any server of `node:http`: no request passes without a token that is accepted. */

import type { IncomingMessage, ServerResponse } from "node:http";

import { authInfo, type AuthInfo } from "./auth-info.js";
import { presented, strip, type Unfit } from "./credential.js";
import type { Outcome } from "./reports.js";
import { UNSURE, type Reason, type Verdict } from "./verdict.js";
import type { Verifier } from "./verifier.js";

export interface RequireTokenOptions {
  /** Where else than in `Authorization: Bearer` a token may stand, bare: `mcp-access-token`, say. */
  readonly headers?: readonly string[];
  /** A token needs all of these. */
  readonly scopes?: readonly string[];
  /** Bodies of errors are errors of JSON-RPC, with `id: null`; all else stays the same. */
  readonly jsonRpcErrors?: boolean;
}

/** A request that may have passed. */
type Authorized = IncomingMessage & { auth?: AuthInfo };

/** Who sent a request that has passed: `req.auth`, which the MCP SDKs read too. */
export function authOf(request: IncomingMessage): AuthInfo | undefined {
  return (request as Authorized).auth;
}

const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const RETRY_AFTER_S = 1;
const JSON_RPC_ERROR = -32_001;

const WHAT = {
  unauthorized: "a bearer token is needed",
  invalid_token: "the token is not accepted",
  insufficient_scope: "the token is not for this",
  temporarily_unavailable: "whether the token is accepted can't be said right now",
} as const;

/**
 * Middleware: the request passes with `req.auth` set and without the credential, every copy of it, or is answered:
 * 401 where there is no token or it is refused, 403 where it lacks a scope, 503 where that can't be said now. Every
 * method is guarded.
 */
export function requireToken(verifier: Verifier, options: RequireTokenOptions = {}) {
  const { headers = [], scopes = [], jsonRpcErrors = false } = options;
  const named = headers.map((name) => name.toLowerCase());
  if (!named.every((name) => NAME.test(name) && name !== "authorization")) {
    throw new TypeError("`headers` are names of headers other than Authorization");
  }
  if (!scopes.every((scope) => SCOPE.test(scope))) throw new TypeError("a scope is visible ASCII without quotes");
  // Where the audience is a name and no URL, it is said as one.
  const resource = new URL(
    URL.canParse(verifier.audience) ? verifier.audience : `urn:${encodeURIComponent(verifier.audience)}`,
  );
  const realm = verifier.audience.replaceAll(/["\\]/g, "");
  const scope = scopes.join(" ");

  return (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void => {
    const found = presented(request.rawHeaders, named);
    strip(request, named);
    if (typeof found === "string") return answer(found);
    const verdict = verifier.decide(found.token);
    if (verdict.verdict !== "unsure") return finish(verdict);
    // Whatever goes wrong meanwhile, the request does not pass. What a handler throws is not ours to catch.
    const fresher = verifier.decideOrRefresh(found.token).catch(() => UNSURE);
    void fresher.then((second) => process.nextTick(finish, second));

    function finish(final: Verdict): void {
      if (final.verdict === "refused") return answer(final.reason);
      if (final.verdict === "unsure") return answer("unsure");
      const { grant } = final;
      if (!scopes.every((needed) => grant.scopes.includes(needed))) return answer("insufficient_scope", grant.version);
      verifier.count("accepted", grant.version);
      (request as Authorized).auth = authInfo(grant, resource);
      next();
    }

    function answer(why: Exclude<Outcome, "accepted">, version: string | null = null): void {
      verifier.count(why, version);
      const { status, error, challenge } = answerTo(why);
      const said = WHAT[error];
      const body = jsonRpcErrors
        ? { jsonrpc: "2.0", id: null, error: { code: JSON_RPC_ERROR, message: said, data: { error } } }
        : { error, error_description: said };
      if (challenge !== undefined) response.setHeader("WWW-Authenticate", `Bearer realm="${realm}"${challenge}`);
      else response.setHeader("Retry-After", RETRY_AFTER_S);
      const text = JSON.stringify(body);
      response.statusCode = status;
      response.setHeader("Cache-Control", "no-store");
      response.setHeader("Content-Type", "application/json");
      response.setHeader("Content-Length", Buffer.byteLength(text));
      response.end(text);
    }
  };

  /** A challenge says no more than whether a token was there (RFC 6750, section 3). */
  function answerTo(why: Unfit | Reason | "insufficient_scope" | "unsure"): {
    status: number;
    error: keyof typeof WHAT;
    challenge?: string;
  } {
    if (why === "missing") return { status: 401, error: "unauthorized", challenge: "" };
    if (why === "unsure") return { status: 503, error: "temporarily_unavailable" };
    if (why === "insufficient_scope") {
      return { status: 403, error: why, challenge: `, error="insufficient_scope", scope="${scope}"` };
    }
    return { status: 401, error: "invalid_token", challenge: `, error="invalid_token"` };
  }
}
