//! The table of odd token headers in docs/proxies.md, row by row as it was seen: none of them is "don't know".

use std::fs;

use crate::{Front, Proxies, TOKEN};

const HEADER: &str = "| what the caller sends | nginx | Caddy | Traefik | Envoy | HAProxy |\n";

type Headers = Vec<(&'static str, String)>;

/// In the document's words.
fn cases() -> Vec<(&'static str, Headers)> {
    let bearer = || ("Authorization", format!("Bearer {TOKEN}"));
    let own = |value: &str| ("Mcp-Access-Token", value.to_owned());
    let empty = || ("Authorization", String::new());
    let many = |header: (&'static str, String), times| vec![header; times];
    vec![
        ("a token in `Authorization`, and an empty token header", vec![bearer(), own("")]),
        ("a token in a token header, and an empty `Authorization`", vec![empty(), own(TOKEN)]),
        ("an empty `Authorization`", vec![empty()]),
        ("an empty token header", vec![own("")]),
        ("a token in `Authorization`, and a second, empty one", vec![bearer(), empty()]),
        ("the same token in two `Authorization`", many(bearer(), 2)),
        ("the same token in two token headers", many(own(TOKEN), 2)),
        ("a token header of 7,000 bytes", vec![own(&"x".repeat(7_000))]),
        ("nine token headers of 900 bytes", many(own(&"x".repeat(900)), 9)),
        ("97 token headers", many(own("x"), 97)),
        ("97 `Authorization`", many(("Authorization", "x".to_owned()), 97)),
        (
            "a control character in `Authorization`",
            vec![("Authorization", "Bearer the-token\u{1}that-the-bot-has".to_owned())],
        ),
        ("a control character in a token header", vec![own("the-token\u{7f}that-the-bot-has")]),
    ]
}

fn cell(front: &Front, headers: &Headers) -> String {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
    let answer = front.verdict(&headers);
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let invalid = if challenge.contains("invalid_token") { " `invalid_token`" } else { "" };
    format!("{}{invalid}", answer.status)
}

#[test]
fn each_odd_token_header_is_answered_as_the_document_says_and_never_with_dont_know() {
    let proxies = Proxies::new();
    proxies.each(|front| front.verdict(&[("Authorization", "Bearer nobody-knows-this-one")]));
    let cases = cases();
    let cells =
        proxies.each(|front| cases.iter().map(|(_, headers)| cell(front, headers)).collect::<Vec<_>>());
    let document =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/proxies.md")).expect("a file");
    let table = document.split_once(HEADER).map_or("", |(_, rest)| rest);
    let told: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(told.len(), cases.len(), "a row for each");
    let columns = proxies.fronts.iter().map(|front| front.proxy as usize);
    for (column, cells) in columns.zip(cells) {
        for ((what, _), cell) in cases.iter().zip(cells) {
            let row = told.iter().find(|row| row.starts_with(&format!("| {what} |")));
            let row = row.unwrap_or_else(|| panic!("docs/proxies.md does not name: {what}"));
            let said = row.split(" | ").nth(column + 1).map(|said| said.trim_end_matches(" |"));
            assert_eq!(said, Some(&*cell), "column {column}: {row}");
        }
    }
}
