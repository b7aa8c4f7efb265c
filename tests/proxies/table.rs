//! The table of status codes in docs/proxies.md, row by row as it was seen.

use std::fs;

use crossfade_testing_fleet::process::Answer;

use crate::{AUDIENCE, Front, Proxies, Proxy, TOKEN, upstream::BROKEN, world::until};

const UNKNOWN: (&str, &str) = ("Authorization", "Bearer nobody-knows-this-one");

const HEADER: &str = "| proxy | a rightful token | no token | another token | unsure, a known token | unsure, another token | daemon down | daemon hangs | proxy's own credential wrong |\n";

fn read(file: &str) -> String {
    fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).expect("a file of the repository")
}

/// The version that `cargo xtask test` fetches.
fn version(proxy: Proxy) -> String {
    let sources = read("xtask/src/tools.rs") + &read("xtask/src/proxies.rs");
    let constant = format!("const {}: &str = \"", proxy.variable());
    let found = sources.split(&constant).nth(1).and_then(|rest| rest.split('"').next());
    found.unwrap_or_else(|| panic!("no version of {proxy:?}")).to_owned()
}

/// What a caller makes of an answer, in the document's words.
fn cell(front: &Front, answer: &Answer) -> String {
    let missing = format!("Bearer realm=\"{AUDIENCE}\"");
    let invalid = format!("{missing}, error=\"invalid_token\"");
    match (answer.status, answer.header("www-authenticate"), answer.header("retry-after")) {
        (200, None, None) if answer.body.starts_with("POST /mcp ") => "the server's answer".to_owned(),
        (401, Some(challenge), None) if challenge == missing => "401".to_owned(),
        (401, Some(challenge), None) if challenge == invalid => "401 `invalid_token`".to_owned(),
        (503, None, Some("1")) => "503, Retry-After".to_owned(),
        (503, None, None) => "503".to_owned(),
        (status, ..) => panic!("{front:?} answers {status}: {answer:?}"),
    }
}

#[test]
fn each_proxy_answers_as_the_document_says() {
    let bearer = format!("Bearer {TOKEN}");
    let known = [("Authorization", &*bearer)];
    let mut proxies = Proxies::new();
    // Before it has read the store it can't refuse.
    proxies.each(|front| front.verdict(&[UNKNOWN]));
    let mut rows = proxies.each(|front| {
        let (name, sample, version) = (front.proxy.name(), front.proxy.samples()[0], version(front.proxy));
        let program = format!("[{name}](../deploy/proxies/{sample}) {version}");
        let ask = |headers: &[(&str, &str)]| cell(front, &front.ask(headers));
        vec![program, ask(&known), ask(&[]), cell(front, &front.verdict(&[UNKNOWN]))]
    });
    let mut add = |cells: Vec<Vec<String>>| {
        for (row, more) in rows.iter_mut().zip(cells) {
            row.extend(more);
        }
    };
    proxies.lose_the_store();
    add(proxies.each(|front| {
        let unsure = || Some(front.ask(&[UNKNOWN])).filter(|answer| answer.status != 401);
        let unsure = until("its view is too old to refuse", unsure);
        vec![cell(front, &front.ask(&known)), cell(front, &unsure)]
    }));
    // The rightful ones, and nothing else.
    proxies
        .each(|front| assert_eq!(front.upstream.heads().len(), 2, "{front:?}: {:?}", front.upstream.heads()));

    proxies.forget_the_credential();
    let reached = proxies.each(|front| {
        until("the proxy is a stranger", || Some(front.ask(&known)).filter(|answer| answer.status == 503));
        front.upstream.heads().len()
    });
    let strangers = proxies.each(|front| vec![cell(front, &front.ask(&known))]);
    proxies.hang();
    let hangs = proxies.each(|front| vec![cell(front, &front.ask(&known))]);
    proxies.daemon.signal("-KILL");
    proxies.daemon.exit();
    add(proxies.each(|front| vec![cell(front, &front.ask(&known))]));
    add(hangs);
    add(strangers);
    assert_eq!(proxies.each(|front| front.upstream.heads().len()), reached, "nobody else is let in");

    let document = read("docs/proxies.md");
    let table =
        document.split_once(HEADER).map(|(_, rest)| rest).unwrap_or_else(|| panic!("no table:\n{HEADER}"));
    let told: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(told.len(), Proxy::ALL.len(), "a row for each");
    for row in rows {
        let row = format!("| {} |", row.join(" | "));
        assert!(told.contains(&&*row), "docs/proxies.md does not say:\n{row}");
    }
}

/// Else a client that has a rightful token would wait for us.
#[test]
fn a_server_that_breaks_off_is_told_as_the_proxy_tells_it_and_not_as_our_dont_know() {
    let bearer = format!("Bearer {TOKEN}");
    Proxies::new().each(|front| {
        front.verdict(&[UNKNOWN]);
        let answer = front.post(BROKEN, &[("Authorization", &bearer)], "");
        let status = if front.proxy == Proxy::Envoy { 503 } else { 502 };
        assert_eq!(answer.status, status, "{front:?}: {answer:?}");
        let ours = answer.body.contains("temporarily_unavailable") || answer.header("retry-after").is_some();
        assert!(!ours, "{front:?}: {answer:?}");
    });
}
