//! A page of another origin in a real browser: what it may call, and what it may read of the answer. `cargo xtask test`
//! fetches the browser.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{Proxies, TOKEN};

/// The variable that names the folder with the browser.
const VARIABLE: &str = "BROWSER";

/// The one that the samples name.
const NAMED: &str = "https://app.example.com";

/// What the browser let each of these pages read: null, or a status and headers.
fn read(browser: &Path, folder: &Path, calls: &[Value]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/page.mjs");
    fs::create_dir(folder).expect("a folder");
    fs::copy(script, folder.join("page.mjs")).expect("a script");
    symlink(browser.join("node_modules"), folder.join("node_modules")).expect("a link");
    let mut node = Command::new("node");
    let node = node.arg(folder.join("page.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = node.spawn().expect("Node.js, which the tests need");
    let input = json!({ "browser": browser, "folder": folder, "calls": calls }).to_string();
    running.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("a write");
    let ended = running.wait_with_output().expect("its end");
    assert!(ended.status.success(), "the browser says why above");
    serde_json::from_slice(&ended.stdout).expect("JSON")
}

#[test]
fn a_browser_lets_the_page_that_is_named_read_its_answer_and_no_other_page() {
    let Some(browser) = std::env::var_os(VARIABLE) else {
        eprintln!("{VARIABLE} is not set: `cargo xtask test` fetches it");
        return;
    };
    let proxies = Proxies::new();
    let stranger = "nobody-knows-this-one";
    proxies.each(|front| front.verdict(&[("Authorization", &format!("Bearer {stranger}"))]));
    let call = |origin: &str, port: u16, token: Option<&str>| {
        let mut headers = json!({ "content-type": "application/json" });
        if let Some(token) = token {
            headers["authorization"] = format!("Bearer {token}").into();
        }
        json!({ "origin": origin, "url": format!("http://127.0.0.1:{port}/mcp"), "headers": headers })
    };
    let each = proxies.fronts.iter().flat_map(|front| {
        [(NAMED, Some(TOKEN)), (NAMED, Some(stranger)), (NAMED, None), ("https://other.example", Some(TOKEN))]
            .map(|(origin, token)| call(origin, front.port, token))
    });
    let calls: Vec<Value> = each.collect();
    let answers = read(Path::new(&browser), &proxies.world.path("browser"), &calls);
    assert_eq!(answers.len(), 4 * proxies.fronts.len());
    for (front, answers) in proxies.fronts.iter().zip(answers.chunks(4)) {
        let [let_in, refused, without, other] = answers else { panic!("four") };
        assert_eq!(let_in["status"], 200, "{front:?}: {let_in}");
        for answer in [refused, without] {
            assert_eq!(answer["status"], 401, "{front:?}: {answer}");
            let challenge = answer["headers"]["www-authenticate"].as_str().unwrap_or_default();
            assert!(challenge.starts_with("Bearer "), "{front:?}: it can read its challenge: {answer}");
        }
        assert!(other.is_null(), "{front:?}: {other}");
    }
}
