/** Where the token stands in a request, and how to take it out, every copy that Node keeps. */

/** Why a request bears no token to decide on. The caller is told none of it. */
export type Unfit = "missing" | "wrong_scheme" | "conflict";

/** RFC 6750, section 2.1; a token that is itself `Bearer` is a scheme that was doubled. */
const BEARER = /^bearer +(?!bearer(?: |$))(?! )(.+)$/is;

/**
 * The one token of a request: in `Authorization`, or bare in one of the headers `named` (lower case), or the same one
 * in several. It reads `rawHeaders`: `headers` hides a second `Authorization`, and joins others.
 */
export function presented(rawHeaders: readonly string[], named: readonly string[]): { token: string } | Unfit {
  const values = (wanted: (name: string) => boolean) => {
    const found: string[] = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      if (wanted(String(rawHeaders[at]).toLowerCase())) found.push(trimmed(String(rawHeaders[at + 1])));
    }
    return found;
  };
  const authorizations = values((name) => name === "authorization");
  if (authorizations.length > 1) return "conflict";
  const tokens = values((name) => named.includes(name));
  const [authorization] = authorizations;
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) return "wrong_scheme";
    tokens.unshift(token);
  }
  const [token] = tokens;
  if (token === undefined) return "missing";
  return tokens.every((other) => other === token) ? { token } : "conflict";
}

/** Names and values in turn. Adapters for serverless functions fill in `headers` alone, where no name stands twice. */
export function rawHeadersOf({ rawHeaders, headers }: Heads): readonly string[] {
  if (rawHeaders.length > 0) return rawHeaders;
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, String(one)]));
}

/** Without the spaces and tabs around it. No pattern: it would look at each space of a long run again and again. */
function trimmed(value: string): string {
  const blank = (at: number) => value[at] === " " || value[at] === "\t";
  let [start, end] = [0, value.length];
  while (start < end && blank(start)) start += 1;
  while (end > start && blank(end - 1)) end -= 1;
  return value.slice(start, end);
}

/** Where Node keeps the headers of a request. */
interface Heads {
  readonly headers: Record<string, unknown>;
  /** HTTP/2's requests have none. */
  readonly headersDistinct?: Record<string, unknown>;
  readonly rawHeaders: string[];
}

/** Takes `Authorization` and the headers `named` out of a request, and leaves the others alone. */
export function strip(request: Heads, named: readonly string[]): void {
  const names = ["authorization", ...named];
  // Node makes the first two of the third when they are first asked for, by a count of its own: so before it shrinks.
  const { headers, headersDistinct, rawHeaders } = request;
  for (const name of names) {
    delete headers[name];
    delete headersDistinct?.[name];
  }
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (names.includes(String(rawHeaders[at]).toLowerCase())) rawHeaders.splice(at, 2);
  }
}
