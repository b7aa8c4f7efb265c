// A page in Chromium that calls an MCP server of another origin, as a web client does. Its input, on standard input: how to
// reach the browser, and for each call the page's origin, the URL and the headers that it sends. Its output: for each
// call the status and the headers that the page could read, or null, where the browser did not let it.

import { text } from "node:stream/consumers";

import { chromium } from "playwright-core";

const { browser, folder, calls } = JSON.parse(await text(process.stdin));
const running = await chromium.launch({
  executablePath: `${browser}/chromium`,
  // Its libraries, for a machine that has no desktop; and where it writes.
  env: { ...process.env, LD_LIBRARY_PATH: `${browser}/al2023/lib`, HOME: folder, TMPDIR: folder },
  artifactsDir: folder,
  // A page of https:// may ask for this machine's addresses without a question to its user.
  args: ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"],
});
try {
  const answers = [];
  for (const { origin, url, headers } of calls) {
    const page = await running.newPage();
    await page.route(`${origin}/`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await page.goto(`${origin}/`);
    answers.push(
      await page.evaluate(
        async ({ url, headers }) => {
          try {
            const answer = await fetch(url, { method: "POST", headers, body: "{}" });
            return { status: answer.status, headers: Object.fromEntries(answer.headers) };
          } catch {
            return null;
          }
        },
        { url, headers },
      ),
    );
    await page.close();
  }
  process.stdout.write(JSON.stringify(answers));
} finally {
  await running.close();
}
