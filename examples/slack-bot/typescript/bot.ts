/** A Slack bot in a Lambda, which answers by a hosted LLM and our MCP server. Its environment: see README.md. */

import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { App, AwsLambdaReceiver } from "@slack/bolt";
import OpenAI, { APIError } from "openai";

function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set; see examples/slack-bot/README.md`);
  return value;
}

const secrets = new SecretsManagerClient();
const openai = new OpenAI();
const receiver = new AwsLambdaReceiver({ signingSecret: needed("SLACK_SIGNING_SECRET") });
const app = new App({
  receiver,
  authorize: async ({ userId }) => ({ botToken: needed("SLACK_BOT_TOKEN"), userToken: await userToken(userId) }),
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL ?? "https://slack.com/api/" },
});

app.event("app_mention", async ({ event, context, say }) => {
  // Slack sends an event again after 3 s. The first delivery is still at work then, and answers.
  if (context.retryNum !== undefined) return;
  const text = await answer(event.text, context.userToken).catch((error: unknown) => {
    console.error("no answer:", error);
    return "I can't look that up at the moment. Please ask again in a minute.";
  });
  await say({ text, thread_ts: event.ts });
});

/** A run has one token from its beginning to its end: the one that is current when it begins, read for it. */
async function answer(question: string, userToken: string | undefined): Promise<string> {
  const token = await secret(needed("MCP_TOKEN_SECRET"));
  try {
    return await run(question, token, userToken);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // Another token by now: the old one was ended under the run, after a leak say. Else the cause is another.
    const next = await secret(needed("MCP_TOKEN_SECRET"));
    if (next === token) throw error;
    return run(question, next, userToken);
  }
}

async function run(question: string, token: string, userToken: string | undefined): Promise<string> {
  const header = process.env.MCP_TOKEN_HEADER ?? "authorization";
  const headers: Record<string, string> = userToken === undefined ? {} : { "slack-user-token": userToken };
  const credential =
    header === "authorization" ? { authorization: token, headers } : { headers: { ...headers, [header]: token } };
  const response = await openai.responses.create({
    model: process.env.OPENAI_MODEL ?? "gpt-5",
    input: question,
    tools: [
      {
        type: "mcp",
        server_label: "slack",
        server_url: needed("MCP_SERVER_URL"),
        allowed_tools: ["search-slack-messages"],
        require_approval: "never",
        ...credential,
      },
    ],
  });
  if (response.output.some((item) => item.type === "mcp_call" && isHttpError(item.error))) throw new CallFailed();
  return response.output_text;
}

/** The answer was made without a tool that the server did not let the LLM call. */
class CallFailed extends Error {}

/** The LLM API says that a dependency failed, not always which of its answers was the cause. */
function isRefusal(error: unknown): boolean {
  return error instanceof CallFailed || (error instanceof APIError && error.status === 424);
}

/** Not what a tool itself has to say. The SDK's types know a string; the API sends an object too. */
function isHttpError(error: unknown): boolean {
  return error !== null && error !== undefined && JSON.stringify(error).includes("http_error");
}

/** A real bot has them in the store of Bolt's OAuth installations. */
async function userToken(userId: string | undefined): Promise<string | undefined> {
  const tokens = JSON.parse(await secret(needed("SLACK_USER_TOKENS_SECRET"))) as Record<string, string>;
  return userId === undefined ? undefined : tokens[userId];
}

async function secret(name: string): Promise<string> {
  const { SecretString: value } = await secrets.send(new GetSecretValueCommand({ SecretId: name }));
  if (value === undefined) throw new Error(`the secret ${name} holds no text`);
  return value;
}

export const handler = receiver.toHandler();
