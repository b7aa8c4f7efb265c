/**
 * A guarded server of one kind, asked once with each token, on whatever runtime this is run by. It closes its server and
 * not its verifier, and has to end all the same. Prints what was answered.
 *
 *     server.mjs KIND FEED AUDIENCE ACCEPTED UNKNOWN
 */

import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import process from "node:process";

import { authorizer, authOf, requireToken, Verifier } from "@crossfade/verify";

const [kind, url, audience, accepted, unknown] = process.argv.slice(2);
const verifier = await Verifier.connect({ url, credential: "cfc_of-the-tests", audience });
const guard = requireToken(verifier, { headers: ["mcp-access-token"] });
/** Who called, and what is left of the credential. */
const told = (request) => `${authOf(request)?.clientId} ${request.headers.authorization ?? "none"}`;

/** Listens, asks, and closes. */
async function asked(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const answers = await askAll(async (headers) => {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/mcp`, { headers });
    return [answer.status, await answer.text()];
  });
  server.closeAllConnections?.();
  server.close();
  return answers;
}

async function askAll(ask) {
  const answers = [];
  for (const headers of [{ authorization: `Bearer ${accepted}` }, { authorization: `Bearer ${unknown}` }, {}]) {
    const [status, text] = await ask(headers);
    answers.push(status === 200 ? `${status} ${text}` : status);
  }
  return answers;
}

function app(express) {
  const made = express();
  made.use("/mcp", guard, (request, response) => response.end(told(request)));
  return made;
}

/** The event of API Gateway (payload 2.0), which both adapters take. */
const event = (headers) => ({
  version: "2.0",
  routeKey: "$default",
  rawPath: "/mcp",
  rawQueryString: "",
  headers: { host: "a", ...headers },
  isBase64Encoded: false,
  requestContext: { http: { method: "GET", path: "/mcp", sourceIp: "127.0.0.1" }, stage: "$default" },
});

async function lambda(handler) {
  return askAll(async (headers) => {
    const { statusCode, body } = await handler(event(headers), { getRemainingTimeInMillis: () => 1_000 });
    return [statusCode, body];
  });
}

const kinds = {
  http: () => asked(http.createServer((request, response) => guard(request, response, () => response.end(told(request))))),
  async http2() {
    const server = http2.createServer((request, response) => guard(request, response, () => response.end(told(request))));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const session = http2.connect(`http://127.0.0.1:${server.address().port}`);
    const answers = await askAll(async (headers) => {
      const stream = session.request({ ":path": "/mcp", ...headers });
      const [head] = await once(stream, "response");
      let text = "";
      for await (const chunk of stream) text += chunk;
      return [head[":status"], text];
    });
    session.close();
    server.close();
    return answers;
  },
  express: async () => asked(http.createServer(app((await import("express")).default))),
  express4: async () => asked(http.createServer(app((await import("express4")).default))),
  async fastify() {
    const { fastify } = await import("fastify");
    const made = fastify();
    made.addHook("onRequest", (request, reply, done) => guard(request.raw, reply.raw, done));
    made.get("/mcp", (request) => told(request.raw));
    await made.listen({ port: 0, host: "127.0.0.1" });
    const answers = await askAll(async (headers) => {
      const answer = await fetch(`http://127.0.0.1:${made.server.address().port}/mcp`, { headers });
      return [answer.status, await answer.text()];
    });
    made.server.closeAllConnections();
    await made.close();
    return answers;
  },
  async web() {
    const authorize = authorizer(verifier, { headers: ["mcp-access-token"] });
    const handle = async (request) => {
      const passed = await authorize(request);
      if (passed instanceof Response) return passed;
      return new Response(`${passed.auth.clientId} ${passed.request.headers.get("authorization") ?? "none"}`);
    };
    const over = (base) =>
      askAll(async (headers) => {
        const request = new Request(`${base}/mcp`, { headers });
        const answer = base === "http://a" ? await handle(request) : await fetch(request);
        return [answer.status, await answer.text()];
      });
    if (globalThis.Bun !== undefined) {
      const server = globalThis.Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handle });
      const answers = await over(`http://127.0.0.1:${server.port}`);
      await server.stop(true);
      return answers;
    }
    if (globalThis.Deno !== undefined) {
      const server = globalThis.Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handle);
      const answers = await over(`http://127.0.0.1:${server.addr.port}`);
      await server.shutdown();
      return answers;
    }
    return over("http://a");
  },
  async "serverless-http"() {
    return lambda((await import("serverless-http")).default(app((await import("express")).default)));
  },
  async "serverless-express"() {
    const adapter = (await import("@codegenie/serverless-express")).default;
    return lambda(adapter({ app: app((await import("express")).default) }));
  },
};

console.log(JSON.stringify(await kinds[kind]()));
