//! Who is refused in the middle of an upload reads the answer, and not that the connection broke.

use std::process::Command;

use crate::{Proxies, Proxy};

const STRANGER: (&str, &str) = ("Authorization", "Bearer nobody-knows-this-one");

/// Node's `fetch`, as MCP's clients have it: bodies as a whole and in a stream.
const FETCH: &str = r#"
const [port, patience] = process.argv.slice(1);
const chunk = new Uint8Array(65536).fill(120);
const stream = (bytes) => new ReadableStream({
    pull(to) { if (bytes <= 0) return to.close(); to.enqueue(chunk.subarray(0, Math.min(bytes, 65536))); bytes -= 65536; },
});
for (const bytes of [1, 1_000_000, 4_000_000, 20_000_000]) {
    for (const body of [() => new Uint8Array(bytes).fill(120), () => stream(bytes)]) {
        for (let round = 0; round < 5; round++) {
            const headers = { authorization: "Bearer nobody-knows-this-one" };
            let answer;
            // Of a daemon that is unsure for a moment it is asked again.
            for (let tries = 0; tries < 100 && (answer === undefined || answer.status === 503); tries++) {
                const request = { method: "POST", body: body(), duplex: "half", headers, signal: AbortSignal.timeout(60_000) };
                answer = await fetch(`http://127.0.0.1:${port}/mcp`, request).catch((error) => {
                    if (patience === "none" || error.cause?.code === undefined) throw error;
                });
                await answer?.text();
            }
            const challenge = answer.headers.get("www-authenticate") ?? "";
            if (answer.status !== 401 || !challenge.includes("invalid_token")) throw new Error(`${bytes}: ${answer.status} ${challenge}`);
        }
    }
}
"#;

#[test]
fn an_upload_of_any_size_that_is_refused_is_a_401_to_nodes_fetch() {
    Proxies::new().each(|front| {
        front.verdict(&[STRANGER]);
        // Go's servers hang up half a second after such an answer, and nothing can be set: on a machine that is busy that may
        // be too soon.
        let patience = if matches!(front.proxy, Proxy::Caddy | Proxy::Traefik) { "some" } else { "none" };
        let script = ["--input-type=module", "-e", FETCH, &front.port.to_string(), patience];
        let ran = Command::new("node").args(script).output();
        let ran = ran.expect("Node.js, which the tests need");
        assert!(ran.status.success(), "{front:?}: {}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(front.upstream.heads().len(), 0, "{front:?}: {:?}", front.upstream.heads());
    });
}
