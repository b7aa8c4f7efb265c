/** Slack's search with the caller's own token, as a tool's result: the shared token opens this server, and nothing of Slack. */

export const SEARCH = {
  description: "Searches the Slack messages that the asking user can read, and lists those that fit best",
  /** Where the bot puts the token of the user who asks. */
  header: "slack-user-token",
};

/** Slack's errors that a new login of the user mends. */
const LOGIN = new Set(["not_authed", "invalid_auth", "account_inactive", "token_expired", "token_revoked"]);

interface Found {
  readonly ok: boolean;
  readonly error?: string;
  readonly messages?: { readonly total: number; readonly matches: readonly Message[] };
}

interface Message {
  readonly text: string;
  readonly username?: string;
  readonly channel?: { readonly name?: string };
  readonly permalink?: string;
}

export interface ToolResult {
  [key: string]: unknown;
  content: { type: "text"; text: string }[];
  isError?: boolean;
}

/** Text that an LLM can use, whatever happens. */
export async function searchSlackMessages(query: string, token: string | null | undefined): Promise<ToolResult> {
  if (token === null || token === undefined || token === "")
    return failure("no Slack token came with this call: the user has to connect their Slack account first");
  const url = new URL("search.messages", process.env.SLACK_API_URL ?? "https://slack.com/api/");
  url.search = new URLSearchParams({ query, count: "10" }).toString();
  const signal = AbortSignal.timeout(10_000);
  try {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal });
    if (!response.ok) return failure(`Slack answers ${response.status} at the moment: try again later`);
    return result((await response.json()) as Found, query);
  } catch {
    return failure("Slack can't be reached at the moment: try again later");
  }
}

function result({ ok, error = "unknown", messages }: Found, query: string): ToolResult {
  if (LOGIN.has(error)) return failure(`Slack refuses the user's token (${error}): they have to connect their account again`);
  if (!ok || messages === undefined) return failure(`Slack refuses the search: ${error}`);
  const { total, matches } = messages;
  const lines = matches.map(({ username = "somebody", channel, text, permalink }) => {
    return `- ${username} in #${channel?.name ?? "?"}: ${text}${permalink === undefined ? "" : ` (${permalink})`}`;
  });
  return say([`${total} found for ${JSON.stringify(query)}`, ...lines].join("\n"));
}

function say(text: string): ToolResult {
  return { content: [{ type: "text", text }] };
}

function failure(text: string): ToolResult {
  return { ...say(text), isError: true };
}
