/** What all guards share, whatever their requests look like: where the token stands, what follows, and the answers. */

import { authInfo, type AuthInfo } from "./auth-info.js";
import { presented, type Unfit } from "./credential.js";
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

/** How a request is answered that does not pass. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Who called, or the answer. */
export type Judgement = { readonly auth: AuthInfo } | { readonly refusal: Refusal };

const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const RETRY_AFTER_S = "1";
const JSON_RPC_ERROR = -32_001;

const WHAT = {
  unauthorized: "a bearer token is needed",
  invalid_token: "the token is not accepted",
  insufficient_scope: "the token is not for this",
  temporarily_unavailable: "whether the token is accepted can't be said right now",
} as const;

export class Guard {
  /** In lower case. */
  readonly named: readonly string[];
  readonly #verifier: Verifier;
  readonly #scopes: readonly string[];
  readonly #jsonRpcErrors: boolean;
  readonly #resource: URL;
  readonly #realm: string;

  constructor(verifier: Verifier, { headers = [], scopes = [], jsonRpcErrors = false }: RequireTokenOptions) {
    this.named = headers.map((name) => name.toLowerCase());
    if (!this.named.every((name) => NAME.test(name) && name !== "authorization")) {
      throw new TypeError("`headers` are names of headers other than Authorization");
    }
    if (!scopes.every((scope) => SCOPE.test(scope))) throw new TypeError("a scope is visible ASCII without quotes");
    this.#verifier = verifier;
    this.#scopes = scopes;
    this.#jsonRpcErrors = jsonRpcErrors;
    const { audience } = verifier;
    // Where the audience is a name and no URL, it is said as one.
    this.#resource = new URL(URL.canParse(audience) ? audience : `urn:${encodeURIComponent(audience)}`);
    this.#realm = audience.replaceAll(/["\\]/g, "");
  }

  /** At once, but where a younger view is needed first. `rawHeaders`: names and values in turn. */
  judge(rawHeaders: readonly string[]): Judgement | Promise<Judgement> {
    const found = presented(rawHeaders, this.named);
    if (typeof found === "string") return this.#refuse(found);
    const verdict = this.#verifier.decideOrRefresh(found.token);
    if (!(verdict instanceof Promise)) return this.#judged(verdict);
    // Whatever goes wrong meanwhile, the request does not pass.
    return verdict.catch(() => UNSURE).then((second) => this.#judged(second));
  }

  #judged(verdict: Verdict): Judgement {
    if (verdict.verdict === "refused") return this.#refuse(verdict.reason);
    if (verdict.verdict === "unsure") return this.#refuse("unsure");
    const { grant } = verdict;
    if (!this.#scopes.every((needed) => grant.scopes.includes(needed))) return this.#refuse("insufficient_scope");
    this.#verifier.count("accepted", grant.source.version);
    return { auth: authInfo(grant, this.#resource) };
  }

  #refuse(why: Exclude<Outcome, "accepted">): Judgement {
    this.#verifier.count(why);
    const { status, error, challenge } = this.#answerTo(why);
    const said = WHAT[error];
    const body = this.#jsonRpcErrors
      ? { jsonrpc: "2.0", id: null, error: { code: JSON_RPC_ERROR, message: said, data: { error } } }
      : { error, error_description: said };
    const headers = {
      ...(challenge === undefined
        ? { "Retry-After": RETRY_AFTER_S }
        : { "WWW-Authenticate": `Bearer realm="${this.#realm}"${challenge}` }),
      "Cache-Control": "no-store",
      "Content-Type": "application/json",
    };
    return { refusal: { status, headers, body: JSON.stringify(body) } };
  }

  /** A challenge says no more than whether a token was there (RFC 6750, section 3). */
  #answerTo(why: Unfit | Reason | "insufficient_scope" | "unsure"): {
    status: number;
    error: keyof typeof WHAT;
    challenge?: string;
  } {
    if (why === "missing") return { status: 401, error: "unauthorized", challenge: "" };
    if (why === "unsure") return { status: 503, error: "temporarily_unavailable" };
    if (why === "insufficient_scope") {
      return { status: 403, error: why, challenge: `, error="insufficient_scope", scope="${this.#scopes.join(" ")}"` };
    }
    return { status: 401, error: "invalid_token", challenge: `, error="invalid_token"` };
  }
}
