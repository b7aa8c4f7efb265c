//! What stands behind a key is taken as it is written, also where YAML would make a number or a truth value of it.

use std::path::Path;

use crossfade::config::{Config, StoreConfig};

use crate::{LEAST, parse, with_secret};

/// Each would be another text if YAML's types had a say, or no text at all.
const WRITTEN: [&str; 31] = [
    "012345678901",
    "0042",
    "00",
    "-0",
    "-007",
    "+5",
    "1.10",
    "1.0",
    ".5",
    "5.",
    "1e3",
    "12e03",
    "1E+2",
    "1e999",
    "-1e999",
    ".inf",
    "-.INF",
    ".nan",
    "0x1F",
    "0o17",
    "0b101",
    "1_000",
    "12345678901234567890123",
    "18446744073709551616",
    "yes",
    "No",
    "ON",
    "off",
    "y",
    "N",
    "True",
];

/// A config in which every key that is text has this one: in blocks and in flows, by an alias, before a comment, at the
/// end of the file, and behind characters of several bytes.
fn everywhere(text: &str) -> String {
    format!(
        "\u{feff}# Schlüssel ✓\nstore: {{kind: aws, region: {text}, kms_key_id: {text}}}\nadmin_socket: {text}\n\
         audit_log: {text}\ntls: {{cert: {text}, key: {text} , client_ca: {text}}}\nsecrets:\n  - name: &same {text}   \
         # äöü\n    client_id: *same\n    audience: a:b\n    scopes: [{text} , x, {text}]\nclients:\n  - role: bot\n    \
         secrets: [*same]\n    client_cert_san: 'dns:a'\n    token_headers:\n      - {text}\n    id: {text}"
    )
}

/// What such a config has for all those keys.
fn taken(config: &Config) -> Vec<String> {
    let StoreConfig::Aws(options) = &config.store else { panic!("another store") };
    let tls = config.tls.as_ref().expect("a section");
    let file = |path: &Path| path.strip_prefix("/etc/crossfade").expect("relative").display().to_string();
    let (secret, client) = (&config.secrets[0], &config.clients[0]);
    let mut all = vec![file(&config.admin_socket), file(config.audit_log.as_deref().expect("a file"))];
    all.extend([&tls.cert, &tls.key, tls.client_ca.as_ref().expect("a file")].map(|path| file(path)));
    all.extend([&options.region, &options.kms_key_id].map(|text| text.clone().expect("a text")));
    let texts = [&secret.name, &secret.client_id, &secret.scopes[0], &secret.scopes[2]];
    all.extend(texts.iter().chain(&[&client.id, &client.secrets[0]]).map(|text| text.to_string()));
    all
}

#[test]
fn a_scalar_is_taken_as_it_is_written_whatever_the_key() {
    for text in WRITTEN {
        for yaml in [everywhere(text), everywhere(text).replace('\n', "\r\n")] {
            let config = parse(&yaml).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:#?}"));
            assert_eq!(taken(&config), vec![text; 13]);
            assert_eq!(config.clients[0].token_headers, [text.to_ascii_lowercase()]);
        }
    }
}

#[test]
fn a_prefix_and_a_hash_are_taken_as_they_are_written() {
    for prefix in ["y", "no", "on", "off", "true"] {
        let config = parse(&with_secret(&format!("token_prefix: {prefix}"))).expect("a sound config");
        assert_eq!(&*config.secrets[0].token_prefix, prefix);
    }
    for hex in ["12".repeat(32), format!("0{}", "7".repeat(63)), format!("1e{}", "9".repeat(62))] {
        let with = |hash: &str| {
            let client =
                format!("clients:\n  - {{id: c, role: bot, secrets: [s], credential_sha256: {hash}}}\n");
            parse(&format!("{}{client}", with_secret(""))).expect("a sound config").clients[0]
                .credentials
                .clone()
        };
        assert_eq!(with(&hex), with(&format!("'{hex}'")), "{hex}");
    }
}

#[test]
fn a_scalar_that_is_no_text_is_refused_and_the_message_says_to_quote_it() {
    for written in ["", "~", "null", "Null", "!!null x", "!!int '0042'", "!!float \"1.10\"", "!!bool 'yes'"] {
        let yaml = with_secret("").replace("client_id: bot", &format!("client_id: {written}"));
        let mistakes = parse(&yaml).expect_err(written);
        let said = &mistakes[0];
        assert!(said.message.contains("quote"), "{written}: {mistakes:#?}");
        assert_eq!((mistakes.len(), said.place.line), (1, 4), "{written}: {mistakes:#?}");
    }
    let quoted = parse(&with_secret("").replace("client_id: bot", "client_id: 'null'"));
    assert_eq!(&*quoted.expect("a sound config").secrets[0].client_id, "null");
}

#[test]
fn truth_values_are_still_taken_in_all_of_yaml_s_words() {
    for (word, truth) in [
        ("true", true),
        ("Yes", true),
        ("on", true),
        ("Y", true),
        ("FALSE", false),
        ("no", false),
        ("off", false),
    ] {
        let config = parse(&format!("{LEAST}allow_plaintext: {word}\n")).expect("a sound config");
        assert_eq!(config.allow_plaintext, truth, "{word}");
    }
    for word in ["1", "0", "oui", "truee"] {
        let mistakes = parse(&format!("{LEAST}allow_plaintext: {word}\n")).expect_err(word);
        assert!(mistakes[0].message.contains("`true` or `false`"), "{mistakes:?}");
    }
}
