/** Verifies Crossfade's rotating bearer tokens inside an MCP server, and fetches them for bots. */

export type { AuthInfo } from "./auth-info.js";
export type { Clock, Moment } from "./clock.js";
export type { EventHook, VerifierEvent } from "./events.js";
export type { Connection, Tls } from "./http.js";
export type { RequireTokenOptions } from "./guard.js";
export { authOf, requireToken, type AnyRequest, type AnyResponse } from "./middleware.js";
export type { Outcome } from "./reports.js";
export { TokenSource, type TokenSourceOptions } from "./token-source.js";
export type { Grant, Reason, Source, Verdict } from "./verdict.js";
export { Verifier, type Status, type VerifierOptions } from "./verifier.js";
export { authorizer, type Passed } from "./web.js";
export type { Stage } from "./accept-set.js";
