/** What of Lambda a handler in Node.js needs, for tests: an event a line on stdin, an answer a line on stdout. */

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Handlers may say what they like; stdout is ours.
console.log = console.info = console.debug = console.error;

const { handler } = await import(pathToFileURL(process.argv[2]).href);
const context = { functionName: "slack-bot" };
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await handler(JSON.parse(line), context).catch((error) => ({ errorMessage: String(error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
