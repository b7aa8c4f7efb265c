/** The same with the MCP SDK v2. What it takes from the environment: settings.ts. */

import { requireToken, Verifier } from "@crossfade/verify";
import { hostHeaderValidation, originValidation } from "@modelcontextprotocol/express";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import express from "express";
import { z } from "zod";

import { allowedHosts, listen, settings } from "./settings.js";
import { SEARCH, searchSlackMessages } from "./slack.js";

const app = express();
app.use(hostHeaderValidation(allowedHosts), originValidation(allowedHosts));

const verifier = await Verifier.connect(settings);
app.use("/mcp", requireToken(verifier, { headers: ["mcp-access-token"] }));

const handler = toNodeHandler(createMcpHandler(mcpServer));
app.all("/mcp", express.json(), (request, response) => handler(request, response, request.body));

function mcpServer(): McpServer {
  const server = new McpServer({ name: "slack-search", version: "1.0.0" });
  server.registerTool("whoami", { description: "Says who calls, and what reached this tool" }, (context) => {
    const { authInfo, req } = context.http ?? {};
    const caller = {
      client_id: authInfo?.clientId,
      version: authInfo?.extra?.version,
      stage: authInfo?.extra?.stage,
      slack_user_token_present: req?.headers.has("slack-user-token") ?? false,
      authorization_seen: req?.headers.has("authorization") === true || req?.headers.has("mcp-access-token") === true,
    };
    return { content: [{ type: "text", text: JSON.stringify(caller) }] };
  });
  const { description, header } = SEARCH;
  const search = { description, inputSchema: z.object({ query: z.string() }) };
  server.registerTool("search-slack-messages", search, ({ query }, context) =>
    searchSlackMessages(query, context.http?.req?.headers.get(header)),
  );
  return server;
}

listen(app, () => verifier.close());
