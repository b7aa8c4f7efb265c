/**
 * The `OAuthTokenVerifier` of the MCP SDK v2 (`@modelcontextprotocol/server`), for the `requireBearerAuth` of
 * `@modelcontextprotocol/express` and of the SDK itself.
 *
 * That hook can't say *I don't know*: where our middleware answers 503, it answers 500. It reads the first
 * `Authorization` alone, and leaves the token in the request's headers.
 */

import { OAuthError, OAuthErrorCode } from "@modelcontextprotocol/server";

import { authInfo, resourceOf, type AuthInfo } from "./auth-info.js";
import type { Verifier } from "./verifier.js";

export function tokenVerifier(verifier: Verifier): { verifyAccessToken(token: string): Promise<AuthInfo> } {
  const resource = resourceOf(verifier.audience);
  return {
    async verifyAccessToken(token) {
      const verdict = await verifier.verifyOrRefresh(token);
      if (verdict.verdict === "accepted") return authInfo(verdict.grant, resource);
      if (verdict.verdict === "refused") {
        throw new OAuthError(OAuthErrorCode.InvalidToken, "the token is not accepted");
      }
      throw new OAuthError(OAuthErrorCode.ServerError, "whether the token is accepted can't be said right now");
    },
  };
}
