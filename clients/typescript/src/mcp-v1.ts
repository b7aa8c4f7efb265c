/**
 * The `OAuthTokenVerifier` of the MCP SDK v1 (`@modelcontextprotocol/sdk`), for its `requireBearerAuth`.
 *
 * That hook can't say *I don't know*: where our middleware answers 503, it answers 500. It reads the first
 * `Authorization` alone, and leaves the token in the request's headers.
 */

import { InvalidTokenError, ServerError } from "@modelcontextprotocol/sdk/server/auth/errors.js";

import { authInfo, resourceOf, type AuthInfo } from "./auth-info.js";
import type { Verifier } from "./verifier.js";

export function tokenVerifier(verifier: Verifier): { verifyAccessToken(token: string): Promise<AuthInfo> } {
  const resource = resourceOf(verifier.audience);
  return {
    async verifyAccessToken(token) {
      const verdict = await verifier.verifyOrRefresh(token);
      if (verdict.verdict === "accepted") return authInfo(verdict.grant, resource);
      if (verdict.verdict === "refused") throw new InvalidTokenError("the token is not accepted");
      throw new ServerError("whether the token is accepted can't be said right now");
    },
  };
}
