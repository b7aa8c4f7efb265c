//! One mistake is told once: what follows from it is no other one.

use crate::{LEAST, MTLS, on, parse, with_secret};

/// A client of the one secret.
fn with_client(secret: &str, lines: &str) -> String {
    let sha256 = "ab".repeat(32);
    format!(
        "{secret}clients:\n  - {{id: v, role: verifier, audiences: [https://mcp.example.com], credential_sha256: {sha256}}}\n  \
         - {{id: b, role: bot, secrets: [s], {lines}}}\n"
    )
}

fn known(secret: &str) -> String {
    with_client(secret, &format!("credential_sha256: {}", "cd".repeat(32)))
}

#[test]
fn a_mistake_in_one_place_is_told_once_whatever_rests_on_it() {
    let secret = |lines: &str| known(&with_secret(lines));
    let aws = |store: &str, lines: &str| known(&on(store, lines));
    let without = |line: &str| known(&with_secret("").replace(line, ""));
    for (text, says) in [
        // The two relations of the whole file, and what they are compared with.
        (secret("").replacen("secrets:", "sync: 21s\nsecrets:", 1), "`sync` (21s)"),
        (secret("").replacen("secrets:", "freshness: 10s\nsync: 20s\nsecrets:", 1), "`sync` (20s)"),
        (secret("soak: 30s").replacen("secrets:", "freshness: 2O s\nsync: 10s\nsecrets:", 1), "`freshness`"),
        (secret("soak: 75s").replacen("secrets:", "freshness: 90\nsync: 30s\nsecrets:", 1), "`freshness`"),
        (secret("").replacen("secrets:", "freshness: 2h\nhold: 90m\nsecrets:", 1), "between 1s and 1h"),
        (secret("").replacen("secrets:", "hold: soon\nsecrets:", 1), "`hold`"),
        // A secret that is unsound is known all the same.
        (secret("soak: 5s"), "soak (5s)"),
        (secret("soak: soon"), "`secrets[0].soak`"),
        (secret("grace: -1s"), "`secrets[0].grace`"),
        (secret("every: 70s\njitter: ja"), "`secrets[0].jitter`"),
        (secret("schedule: 61 * * * *"), "61"),
        (secret("format: xml"), "no format"),
        (secret("").replace("name: s", "name: sé").replace("[s]", "[sé]"), "a secret's name"),
        (secret("").replace("https://mcp.example.com", "mcp.example.com"), "no absolute URI"),
        (secret("").replace("client_id: bot", "client_id: a b"), "`secrets[0].client_id`"),
        (without("name: s\n    "), "`secrets[0].name` is missing"),
        (without("    audience: https://mcp.example.com\n"), "`secrets[0].audience` is missing"),
        (known(&format!("{LEAST}secrets: {{}}\n")), "`secrets` has to be a list"),
        (known(&format!("{LEAST}secrets: [s]\n")), "secrets[0] has to be a mapping"),
        // A key that is misspelt is not missing, too, and what rests on it is not judged.
        (secret("").replace("- name: s", "- nam: s"), "did you mean `name`"),
        (secret("").replace("client_id:", "clientid:"), "did you mean `client_id`"),
        (secret("").replace("    audience:", "    audiance:"), "did you mean `audience`"),
        (secret("").replace("secrets:\n", "secret:\n"), "did you mean `secrets`"),
        (secret("").replace("role: bot", "rol: bot"), "did you mean `role`"),
        (secret("").replace("id: b,", "idd: b,"), "did you mean `id`"),
        (secret("").replace("secrets: [s]", "secret: [s]"), "did you mean `secrets`"),
        (secret("").replacen("audiences: [", "audience: [", 1), "did you mean `audiences`"),
        (secret("").replacen("credential_sha256", "credential_sha", 1), "did you mean `credential_sha256`"),
        (aws("stores: {kind: aws}\n", "format: json"), "did you mean `store`"),
        (aws("store: {kin: aws}\n", "format: json"), "did you mean `kind`"),
        (secret("soak: 15s").replacen("secrets:", "freshnes: 10s\nsecrets:", 1), "did you mean `freshness`"),
        (secret("every: 70s\nsoakk: 60s"), "did you mean `soak`"),
        (
            secret("").replacen("secrets:", "allow_plaintxt: true\nlisten: 0.0.0.0:1\nsecrets:", 1),
            "did you mean",
        ),
        (secret("schedul: '0 6 * * *'\ntimezone: Asia/Tokyo"), "did you mean `schedule`"),
        // A key that stands twice is told in our words, beside whatever else is wrong.
        (
            secret("").replacen("secrets:", "freshness: 60s\nfreshness: 60s\nsecrets:", 1),
            "`freshness` stands here twice",
        ),
        (secret("grace: 2h\ngrace: 2h"), "`secrets[0].grace` stands here twice"),
        // A time zone of nothing.
        (secret("timezone: Asia/Tokyo"), "`timezone` is for `schedule`"),
        (secret("every: 12h\ntimezone: Asia/Tokyo"), "`timezone` is for `schedule`"),
        // A store that is unsound says nothing about what stands elsewhere.
        (aws("store: {kind: vault, region: x, path: y}\n", "format: json\nevery: 5m"), "no kind of store"),
        (aws("store: {region: x}\n", "format: json"), "`store.kind` is missing"),
        (aws("store: aws\n", "format: json"), "store has to be a mapping"),
        (known(&with_secret("format: json").replace(LEAST, "")), "`store` is missing"),
        (aws("store: {kind: aws, store_lag: 5}\n", "soak: 65s\ngrace: 20s"), "`store.store_lag`"),
        (aws("store: {kind: aws}\n", "every: 1h\ngrace: 90"), "`secrets[0].grace`"),
        // A listener, its certificates, and its clients.
        (
            format!("{LEAST}allow_plaintext: ja\nlisten: 0.0.0.0:1\nmetrics_listen: 0.0.0.0:2\n"),
            "allow_plaintext",
        ),
        (
            with_client(
                &format!("{}tls: {{cert: '', key: k, client_ca: c}}\n", with_secret("")),
                "client_cert_san: 'dns:a'",
            ),
            "`tls.cert`",
        ),
        (with_client(&format!("{}tls: yes\n", with_secret("")), "client_cert_san: 'dns:a'"), "tls has to be"),
        (with_client(&format!("{}{MTLS}", with_secret("")), "client_cert_san: 'dns:*'"), "no *"),
        (
            with_client(&with_secret(""), "credential_sha256: {a: b}"),
            "`clients[1].credential_sha256` has to be a list",
        ),
        (with_client(&with_secret(""), "credential_sha256: []"), "`credential_sha256` is empty"),
        (with_client(&with_secret(""), "credential_sha256: [abc]"), "64 lowercase hex digits"),
        (secret("").replace("secrets: [s]", "secrets: s"), "`clients[1].secrets` has to be a list"),
        (secret("").replace("secrets: [s]", "secrets: [~]"), "`clients[1].secrets` has no value"),
        (secret("").replace("secrets: [s]", "secrets: []"), "`secrets` is empty"),
        (secret("").replace("role: bot", "role: king"), "no role"),
        (secret("").replace("secrets: [s]", "secrets: [t]"), "\"t\": no secret of this config"),
    ] {
        let mistakes = parse(&text).err().unwrap_or_default();
        assert_eq!(mistakes.len(), 1, "{text}\nis told as {mistakes:#?}");
        assert!(mistakes[0].message.contains(says), "{text}\nhas to say {says:?}: {mistakes:#?}");
    }
}

#[test]
fn a_mistake_hides_no_other_one() {
    let text = known(&with_secret("soak: 5s\nschedule: 61 * * * *\nscopes: x"))
        .replace("secrets: [s]", "secrets: [s, t]")
        .replace(LEAST, "store: none\nhold: 8000h\nlisten: 0.0.0.0:1\n");
    let mistakes = parse(&text).expect_err("mistakes");
    let mut lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.place.line).collect();
    lines.sort_unstable();
    assert_eq!(lines, [1, 2, 3, 9, 10, 13], "{mistakes:#?}");
    let empty = with_client(&with_secret("scopes: x"), "credential_sha256: []");
    assert_eq!(parse(&empty).expect_err("two").len(), 2);
}
