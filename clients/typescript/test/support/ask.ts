/** `ask.js URL`, with HEADERS in the environment as a JSON object: prints a server's tools, and what `whoami` says. */

import { clients } from "./example.js";

const [url = ""] = process.argv.slice(2);
const headers = JSON.parse(process.env.HEADERS ?? "{}") as Record<string, string>;
const ask = process.env.CLIENT === "v2" ? clients.v2 : clients.v1;
const [tools, whoami] = (await ask?.(url, headers)) ?? [];
console.log(JSON.stringify({ tools, whoami }));
