/** Functions of the caller's that go wrong: none of them decides on a request, or ends the process. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import type { Tls } from "../src/index.js";
import { setOf, until } from "./support/fake-feed.js";
import { feed, follow } from "./support/world.js";

const TOKEN = "a-token-of-the-tests";
const SET = setOf({ entries: [{ token: TOKEN }] });

/** What nobody has caught: it would end a server. */
function uncaught(t: TestContext): string[] {
  const errors: string[] = [];
  const keep = (error: Error) => void errors.push(error.message);
  process.on("unhandledRejection", keep as (reason: unknown) => void);
  t.after(() => process.off("unhandledRejection", keep as (reason: unknown) => void));
  return errors;
}

const hooks: Record<string, () => unknown> = {
  throws: () => {
    throw new Error("metrics push failed");
  },
  rejects: () => Promise.reject(new Error("metrics push failed")),
  "is no promise, and rejects": () => ({ then: (_: unknown, reject: (why: Error) => void) => reject(new Error("metrics push failed")) }),
};

for (const [what, onEvent] of Object.entries(hooks)) {
  test(`an \`onEvent\` that ${what} is told of once, and changes nothing`, async (t) => {
    const [errors, warnings] = [uncaught(t), [] as string[]];
    const warned = ({ message }: Error) => void warnings.push(message);
    process.on("warning", warned);
    t.after(() => process.off("warning", warned));
    const { verifier } = await follow(t, await feed(t, SET), { onEvent });
    for (let n = 0; n < 3; n += 1) assert.equal((await verifier.verifyOrRefresh(TOKEN)).verdict, "accepted");
    await until("it is told of", () => warnings.length > 0);
    assert.deepEqual([errors, warnings], [[], ["metrics push failed"]]);
  });
}

test("a `tls` that is asynchronous is told of, not passed over as if it were empty", async (t) => {
  const errors = uncaught(t);
  const fake = await feed(t, SET);
  const tls = () => Promise.reject(new Error("the file is being renewed")) as Tls;
  const { failures } = await follow(t, fake, { tls, url: fake.url.replace("http:", "https:") });
  assert.match(failures()[0] ?? "", /`tls` has to return/);
  assert.deepEqual(errors, []);
});
