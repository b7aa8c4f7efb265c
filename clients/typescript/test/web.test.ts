/** The guard of web-standard handlers: the golden requests as far as `Request` can hold them, and those that are over. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { authorizer, type VerifierEvent } from "../src/index.js";
import { setOf, until } from "./support/fake-feed.js";
import { vectors } from "./support/vectors.js";
import { feed, follow, MovedClock } from "./support/world.js";

interface Requests {
  audience: string;
  header: string;
  scope: string;
  now_ms: number;
  set: string;
  cases: {
    name: string;
    view: "fresh" | "stale" | "none";
    head: string[];
    expected: { status: number; reason: string; version: string | null; www_authenticate: string | null };
  }[];
}

const given = vectors<Requests>("requests");

/**
 * `Headers` joins those of one name, so that the first two are the same as two headers and count as those, and trims what
 * it joined. All are 401 in both ways.
 */
const JOINED = /joined by a comma and a space|challenges joined|headers, one empty/;

test("requests are answered as the vectors say, also with the same token twice", async (t) => {
  const fake = await feed(t, given.set);
  fake.skewMs = given.now_ms - Date.now();
  const { verifier, events } = await follow(t, fake, { audience: given.audience });
  const authorize = authorizer(verifier, { headers: [given.header], scopes: [given.scope] });
  let played = 0;
  for (const { name, view, head, expected } of given.cases) {
    const request = view === "fresh" && !JOINED.test(name) && requestOf(head);
    if (!request) continue;
    played += 1;
    events.length = 0;
    const passed = await authorize(request);
    const counted = events.filter((event): event is VerifierEvent & { type: "verdict" } => event.type === "verdict");
    assert.deepEqual(counted.map(({ verdict }) => verdict), [expected.reason], name);
    if (!(passed instanceof Response)) {
      assert.equal(passed.auth.extra.version, expected.version, name);
      for (const gone of ["authorization", given.header]) assert.equal(passed.request.headers.get(gone), null, name);
      continue;
    }
    assert.equal(passed.status, expected.status, name);
    assert.equal(passed.headers.get("www-authenticate"), expected.www_authenticate, name);
  }
  assert.ok(played >= 80, `${played} cases`);
});

function requestOf([line = "", ...lines]: string[]): Request | undefined {
  try {
    const headers = new Headers();
    for (const each of lines) headers.append(each.slice(0, each.indexOf(":")), each.slice(each.indexOf(":") + 1));
    return new Request("http://a/mcp", { method: line.split(" ")[0] ?? "", headers });
  } catch {
    return undefined;
  }
}

test("a request that was aborted in the wait is not handed on, and its answer says that nothing was decided", async (t) => {
  const TOKEN = "a-token-of-the-tests";
  const fake = await feed(t, setOf({ entries: [{ token: TOKEN }] }));
  const clock = new MovedClock();
  const { verifier } = await follow(t, fake, { clock: clock.read });
  const authorize = authorizer(verifier);
  const request = (signal: AbortSignal) => new Request("http://a/", { headers: { authorization: `Bearer ${TOKEN}` }, signal });
  clock.forward(60_000);
  const [before, over] = [fake.polls.length, new AbortController()];
  fake.instead = () => true;
  const waits = authorize(request(over.signal));
  await until("it waits", () => fake.polls.length > before);
  over.abort();
  for (const passed of [await waits, await authorize(request(over.signal))]) {
    assert.ok(passed instanceof Response);
    assert.deepEqual([passed.status, passed.headers.get("retry-after")], [503, "1"]);
  }
  assert.ok(!((await authorize(request(new AbortController().signal))) instanceof Response));
});
