//! What is sound, and yet hardly meant.

use crate::{LEAST, on, parse, with_secret};

fn warnings(text: &str) -> Vec<String> {
    parse(text).expect("a sound config").warnings()
}

#[test]
fn a_config_as_it_should_be_is_not_warned_about() {
    for text in [LEAST.to_owned(), with_secret(""), on("store: {kind: aws}\n", "every: 1h")] {
        assert_eq!(warnings(&text), [""; 0], "{text}");
    }
}

#[test]
fn a_grace_in_which_no_bot_could_use_a_token_is_warned_about() {
    for (store, grace, warned) in [
        (LEAST, "1s", true),
        (LEAST, "60s", true),
        (LEAST, "61s", false),
        ("store: {kind: aws}\n", "75s", true),
        ("store: {kind: aws}\n", "76s", false),
    ] {
        let said = warnings(&on(store, &format!("grace: {grace}")));
        assert_eq!(said.len(), usize::from(warned), "{grace}: {said:?}");
        assert!(
            said.iter().all(|said| said.starts_with("s: grace (") && said.contains("freshness")),
            "{said:?}"
        );
    }
}

#[test]
fn a_socket_s_path_that_no_system_takes_is_warned_about() {
    // Seen from the config's folder, /etc/crossfade.
    let at = |bytes: usize| format!("{LEAST}admin_socket: {}\n", "s".repeat(bytes - "/etc/crossfade/".len()));
    assert_eq!(warnings(&at(107)), [""; 0]);
    let said = warnings(&at(108));
    assert!(said.len() == 1 && said[0].contains("108 bytes"), "{said:?}");
    let said = warnings(&format!("{LEAST}admin_socket: /{}\n", "é".repeat(54)));
    assert!(said.len() == 1 && said[0].contains("109 bytes"), "bytes, not characters: {said:?}");
}

#[test]
fn what_does_nothing_is_warned_about() {
    let clients = |role: &str, more: &str| {
        let sha256 = "ab".repeat(32);
        format!(
            "{}clients:\n  - {{id: c, role: {role}, audiences: [https://mcp.example.com], secrets: [s], credential_sha256: {sha256}{more}}}\n",
            with_secret("")
        )
    };
    for (text, key) in [
        (with_secret("jitter: 5m"), "`jitter`"),
        (clients("verifier", ""), "`secrets`"),
        (clients("bot", ""), "`audiences`"),
        (clients("admin", ""), "`audiences`"),
        (
            clients("bot", ", token_headers: [x-token]")
                .replace("audiences: [https://mcp.example.com], ", ""),
            "`token_headers`",
        ),
    ] {
        let said = warnings(&text);
        assert!(said.len() == 1 && said[0].contains(&format!("{key} does nothing")), "{text}: {said:?}");
    }
    assert_eq!(warnings(&with_secret("every: 12h\njitter: 5m")), [""; 0]);
}
