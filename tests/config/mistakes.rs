//! Mistakes, each with its place.

use proptest::prelude::*;

use crate::{LEAST, MTLS, TLS, parse, with_secret};

/// Every line that ends in a comment `# N` has to have a mistake, N times.
#[test]
fn ten_mistakes_get_ten_messages_with_their_places() {
    let text = "\
listn: 127.0.0.1:8750
hold: soon
store:
  kind: embedded
secrets:
  - name: a
    client_id: böt
    audience: https://mcp.example.com/a
    schedule: 61 * * * *
  - name: b
    client_id: bot
    audience: https://mcp.example.com/b
    schedule: 0 3 * * *
    timezone: Mars/Olympus
    soak: 5s
  - name: c
    client_id: bot
    audience: ${UNDEFINED}
clients:
  - id: v
    role: verifier
    audiences: [https://mcp.example.com/b]
    credential_sha256: abc
  - id: v
    role: king
    credential_sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
";
    let mistakes = parse(text).expect_err("ten mistakes");
    let places: Vec<usize> = mistakes.iter().map(|m| m.place.line).collect();
    for line in [1, 2, 7, 9, 14, 15, 18, 23, 24, 25] {
        assert!(places.contains(&line), "line {line} is not among {mistakes:#?}");
    }
    assert!(mistakes.iter().all(|m| m.place.column > 0), "{mistakes:#?}");
}

#[test]
fn each_mistake_says_what_would_be_right() {
    let long = |n: usize| "a".repeat(n);
    for (text, says) in [
        (String::new(), "has to be a mapping"),
        ("listen: 127.0.0.1:8750\n".to_owned(), "`store` is missing"),
        ("store: {kind: vault}\n".to_owned(), "`embedded` or `aws`"),
        (format!("{LEAST}tls: {{}}\n"), "`tls.cert` is missing"),
        (format!("{LEAST}tls: {{cert: c}}\n"), "`tls.key` is missing"),
        (format!("{LEAST}tls: {{cert: c, key: k, ca: a}}\n"), "`tls.ca` is no key that we know"),
        (format!("{LEAST}tls: on\n"), "tls has to be a mapping"),
        (format!("{LEAST}{TLS}metrics_listen: 0.0.0.0:1\n"), "`metrics_listen` is not on loopback"),
        (format!("{LEAST}admin_http: true\n"), "not built yet"),
        (format!("{LEAST}freshnes: 60s\n"), "did you mean `freshness`?"),
        (format!("{LEAST}listen: 0.0.0.0:8750\n"), "allow_plaintext"),
        (format!("{LEAST}freshness: 2h\n"), "between 1s and 1h"),
        (format!("{LEAST}hold: 8000h\n"), "7 days"),
        (format!("{LEAST}sync: 21s\n"), "60s / 3 = 20s"),
        (format!("{LEAST}accept_within: 59s\n"), "at least 60s"),
        (format!("{LEAST}freshness: 1s\nsync: 100ms\naccept_within: 999ms\n"), "at least 1s"),
        (format!("{LEAST}freshness: 30s\nfreshness: 40s\n"), "freshness"),
        (with_secret("soak: 59s"), "60s + 0ns = 60s"),
        (with_secret("format: json"), "`json` is for `store.kind: aws`"),
        (with_secret("format: xml"), "`plain` or `json`"),
        (with_secret("every: 30s"), "shortest gap (30s)"),
        (with_secret("schedule: 0 3 * * *\nevery: 1h"), "exclude each other"),
        (with_secret("schedule: 0 0 30 2 *"), "30 2"),
        (with_secret("token_prefix: Abc"), "[a-z][a-z0-9]{0,4}"),
        (with_secret("token_prefix: cfc"), "client credentials"),
        (with_secret("scopes: slack"), "has to be a list"),
        (with_secret("scopes: ['a\"b']"), "a scope has no"),
        (with_secret("timezone: ${EMPTY}"), "not set, or is empty"),
        (with_secret("").replace("name: s", &format!("name: {}", long(600))), "1 to 512"),
        (with_secret("").replace("https://mcp.example.com", "mcp.example.com"), "no absolute URI"),
        (format!("{LEAST}secrets: {{}}\n"), "has to be a list"),
        (format!("{LEAST}clients: [{{id: v}}]\n"), "`clients[0].role` is missing"),
        (format!("{LEAST}clients: [{{id: v, role: bot}}]\n"), "needs `secrets`"),
        (format!("{LEAST}clients: [{{id: v, role: bot, secrets: [x]}}]\n"), "no secret of this config"),
        (
            format!(
                "{LEAST}clients: [{{id: v, role: bot, credential_sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}}]\n"
            ),
            "the hash of nothing",
        ),
        (
            format!("{LEAST}clients: [{{id: v, role: verifier, token_headers: [Authorization]}}]\n"),
            "of its own",
        ),
        (format!("{LEAST}: ["), "YAML"),
    ] {
        let mistakes = parse(&text).err().unwrap_or_default();
        let found = mistakes.iter().any(|mistake| mistake.message.contains(says));
        assert!(found, "{text}\nhas to say {says:?}, but says {mistakes:#?}");
    }
}

#[test]
fn a_client_is_known_by_a_credential_or_by_a_whole_name_in_its_certificate() {
    let parsed = |tls: &str, lines: &str| {
        let clients = format!("clients:\n  - {{id: c, role: bot, secrets: [s], {lines}}}\n");
        let parsed = parse(&format!("{}{tls}{clients}", with_secret("")));
        parsed.map(|config| config.clients[0].cert_san.clone()).map_err(|mistakes| format!("{mistakes:?}"))
    };
    let sha256 = format!("credential_sha256: {}", "ab".repeat(32));
    for san in ["dns:mcp.example.com", "dns:localhost", "uri:spiffe://example.com/mcp?x=Y"] {
        assert_eq!(parsed(MTLS, &format!("client_cert_san: '{san}'")), Ok(Some(san.to_owned())));
        let both = format!("client_cert_san: '{san}', {sha256}");
        assert_eq!(parsed(MTLS, &both), Ok(Some(san.to_owned())), "beside a credential");
    }
    for (tls, lines, says) in [
        (TLS, "client_cert_san: 'dns:a'", "needs `tls.client_ca`"),
        ("", "client_cert_san: 'dns:a'", "needs `tls.client_ca`"),
        (MTLS, "token_headers: [x]", "`credential_sha256` is missing"),
        (MTLS, "client_cert_san: 'dns:*.example.com'", "no *"),
        (MTLS, "client_cert_san: 'dns:Example.com'", "lower case"),
        (MTLS, "client_cert_san: 'dns:a..b'", "no name of a certificate"),
        (MTLS, "client_cert_san: 'dns:'", "no name of a certificate"),
        (MTLS, "client_cert_san: 'uri:'", "no name of a certificate"),
        (MTLS, "client_cert_san: mcp.example.com", "`dns:` and"),
        (MTLS, "client_cert_san: 'ip:10.0.0.1'", "`uri:` and"),
    ] {
        let told = parsed(tls, lines).expect_err(lines);
        assert!(told.contains(says), "{lines}: {told}");
    }
}

#[test]
fn a_name_in_certificates_belongs_to_one_client() {
    let client = |id: &str| format!("  - {{id: {id}, role: bot, secrets: [s], client_cert_san: 'dns:a'}}\n");
    let text = format!("{}{MTLS}clients:\n{}{}", with_secret(""), client("a"), client("b"));
    let mistakes = parse(&text).expect_err("one");
    assert!(mistakes[0].message.contains("\"a\" has this name already"), "{mistakes:?}");
    assert_eq!((mistakes[0].place.line, mistakes[0].place.column > 0), (9, true), "{mistakes:?}");
}

#[test]
fn every_mistake_about_tls_is_told_with_its_place() {
    let text =
        "store: {kind: embedded}\ntls:\n  cert: ''\n  client_ca: ${EMPTY}\n  keys: k\nlisten: 0.0.0.0:1\n";
    let mistakes = parse(text).expect_err("three: `keys` is told as `key` misspelt, and not as missing, too");
    let places: Vec<usize> = mistakes.iter().map(|mistake| mistake.place.line).collect();
    assert_eq!(
        (places.len(), [3, 4, 5].iter().all(|line| places.contains(line))),
        (3, true),
        "{mistakes:#?}"
    );
}

#[test]
fn with_tls_a_listener_off_loopback_needs_no_leave() {
    let config = parse(&format!("{LEAST}{TLS}listen: 0.0.0.0:8750\n")).expect("a sound config");
    let tls = config.tls.expect("a section");
    assert_eq!(tls.cert, std::path::Path::new("/etc/crossfade/tls/cert.pem"), "relative to the file");
    assert!(!config.allow_plaintext && tls.client_ca.is_none());
}

#[test]
fn a_credential_belongs_to_one_client() {
    let client = |id: &str| {
        format!("  - {{id: {id}, role: bot, secrets: [s], credential_sha256: {}}}\n", "ab".repeat(32))
    };
    let mistakes =
        parse(&format!("{}clients:\n{}{}", with_secret(""), client("a"), client("b"))).expect_err("one");
    assert!(mistakes[0].message.contains("\"a\" has this credential already"), "{mistakes:?}");
}

#[test]
fn a_value_from_the_environment_is_never_shown() {
    for lines in [
        "token_prefix: ${SECRET_VALUE}",
        "grace: ${SECRET_VALUE}",
        "timezone: ${SECRET_VALUE}\nschedule: 0 3 * * *",
    ] {
        let mistakes = parse(&with_secret(lines)).expect_err("a mistake");
        assert!(!format!("{mistakes:?}").contains("what-nobody-may-see"), "{mistakes:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(cut in 0_usize..5000, at in 0_usize..5000, put in "\\PC{0,20}") {
        let example = include_str!("../../config.example.yaml");
        let boundary = |n: usize| (0..=n.min(example.len())).rev().find(|i| example.is_char_boundary(*i)).unwrap_or(0);
        let _ = parse(&example[..boundary(cut)]);
        let at = boundary(at);
        let _ = parse(&format!("{}{put}{}", &example[..at], &example[at..]));
    }
}
