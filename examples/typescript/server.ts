/** An MCP server (SDK v1 on Express) behind Crossfade. What it takes from the environment: settings.ts. */

import { requireToken, Verifier } from "@crossfade/verify";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { hostHeaderValidation } from "@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import { z } from "zod";

import { allowedHosts, listen, settings } from "./settings.js";
import { SEARCH, searchSlackMessages } from "./slack.js";

const app = express();
app.use(hostHeaderValidation(allowedHosts));

const { url, credential, audience, cacheFile } = settings;
const verifier = await Verifier.connect({ url, credential, audience, cacheFile });
app.use("/mcp", requireToken(verifier, { headers: ["mcp-access-token"] }));

app.use(express.json());
app.post("/mcp", async (request, response) => {
  const server = mcpServer();
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.on("close", () => void server.close());
  await server.connect(transport as Parameters<McpServer["connect"]>[0]);
  await transport.handleRequest(request, response, request.body);
});
// Without sessions there is nothing to listen to, and nothing to end.
app.all("/mcp", (_, response) => void response.status(405).set("Allow", "POST").end());

function mcpServer(): McpServer {
  const server = new McpServer({ name: "slack-search", version: "1.0.0" });
  server.registerTool("whoami", { description: "Says who calls, and what reached this tool" }, (extra) => {
    const headers = extra.requestInfo?.headers ?? {};
    const caller = {
      client_id: extra.authInfo?.clientId,
      version: extra.authInfo?.extra?.version,
      stage: extra.authInfo?.extra?.stage,
      slack_user_token_present: "slack-user-token" in headers,
      authorization_seen: "authorization" in headers || "mcp-access-token" in headers,
    };
    return { content: [{ type: "text", text: JSON.stringify(caller) }] };
  });
  const { description, header } = SEARCH;
  const search = { description, inputSchema: { query: z.string() } };
  server.registerTool("search-slack-messages", search, ({ query }, extra) =>
    searchSlackMessages(query, extra.requestInfo?.headers[header]?.toString()),
  );
  return server;
}

listen(app, () => verifier.close());
