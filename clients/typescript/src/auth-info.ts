/** Who called, in the shape that both MCP SDKs know. */

import type { Stage } from "./accept-set.js";
import type { Grant } from "./verdict.js";

/** The `AuthInfo` of the MCP SDKs. */
export interface AuthInfo {
  /** Not the token: the id of its version, so that no handler can leak what would be accepted. */
  token: string;
  clientId: string;
  scopes: string[];
  /** Unix seconds on this machine's clock, with a fraction. */
  expiresAt: number;
  resource: URL;
  extra: { principal: string; secret: string; version: string; stage: Stage };
}

/** The SDKs refuse what has expired by the time they look; a current token never has, whatever its grace. */
const LEAST_MS = 1_000;

/** `expiresAt` is carried over to this machine's clock as a span, so that no two machines' clocks are compared. */
export function authInfo(grant: Grant, resource: URL, wallMs: number = Date.now()): AuthInfo {
  const { clientId, principal, scopes, expiresInMs, source } = grant;
  const { name: secret, version, stage } = source;
  const spanMs = stage === "previous" ? expiresInMs : Math.max(expiresInMs, LEAST_MS);
  const expiresAt = (wallMs + spanMs) / 1_000;
  const extra = { principal, secret, version, stage };
  return { token: version, clientId, scopes: [...scopes], expiresAt, resource, extra };
}

/** The audience as the SDKs want it. */
export function resourceOf(audience: string): URL {
  if (!URL.canParse(audience)) {
    throw new TypeError(
      "the audience is no URL, which the MCP SDKs ask of a resource: give the secret one in the daemon's config",
    );
  }
  return new URL(audience);
}
