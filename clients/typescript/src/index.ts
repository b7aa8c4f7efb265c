/** Verifies Crossfade's rotating bearer tokens inside an MCP server, and fetches them for bots. */

export type { AuthInfo } from "./auth-info.js";
export type { Clock, Moment } from "./clock.js";
export type { EventHook, VerifierEvent } from "./events.js";
export type { Connection, Tls } from "./http.js";
export { authOf, requireToken, type RequireTokenOptions } from "./middleware.js";
export type { Outcome } from "./reports.js";
export { TokenSource, type TokenSourceOptions } from "./token-source.js";
export type { Grant, Reason, Verdict } from "./verdict.js";
export { Verifier, type State, type VerifierOptions } from "./verifier.js";
export type { Stage } from "./accept-set.js";
