//! The example, the schema, and the defaults.

use std::{collections::BTreeSet, path::Path, time::Duration};

use crossfade::config::{Role, StoreConfig, changes};
use serde_json::Value;

use crate::{LEAST, MTLS, TLS, parse, with_secret};

fn repository(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(path).expect("a file of the repository")
}

#[test]
fn the_example_is_sound_and_its_times_are_short() {
    let config = parse(&repository("config.example.yaml")).expect("a sound example");
    assert_eq!(config.secrets.len(), 1);
    assert_eq!(config.clients.iter().map(|c| c.role).collect::<Vec<_>>(), [Role::Verifier, Role::Bot]);
    assert!(config.secrets[0].policy.soak() <= Duration::from_secs(5), "the tour takes a minute");
}

#[test]
fn the_credentials_of_the_example_are_those_in_its_comments() {
    let text = repository("config.example.yaml");
    let config = parse(&text).expect("a sound example");
    let credentials = text.lines().filter_map(|line| line.trim().strip_prefix("# SHA-256 of "));
    let digests: Vec<_> = credentials.map(|c| crossfade_verify::Digest::of(c.as_bytes())).collect();
    let configured: Vec<_> = config.clients.iter().flat_map(|c| c.credentials.clone()).collect();
    assert_eq!(configured, digests);
}

#[test]
fn the_example_shows_every_key_that_the_schema_knows() {
    let schema: Value = serde_json::from_str(&repository("docs/config.schema.json")).expect("JSON");
    let text = repository("config.example.yaml");
    let shown: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.trim_start_matches(['#', ' ', '-']).split_once(':'))
        .map(|(key, _)| key)
        .collect();
    let mut keys = BTreeSet::new();
    collect(&schema, &mut keys);
    let missing: Vec<_> = keys.iter().filter(|key| !shown.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "not in config.example.yaml: {missing:?}");
}

fn collect(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            members.values().for_each(|value| collect(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}

/// Its commented lines, uncommented.
#[test]
fn the_example_s_lines_for_tls_are_sound() {
    let keys = ["# tls:", "#   cert:", "#   key:", "#   client_ca:", "# client_cert_san:"];
    let example = repository("config.example.yaml");
    let lines = example.lines().map(|line| {
        let begins = keys.iter().any(|key| line.trim_start().starts_with(key));
        if begins { format!("{}\n", line.replacen("# ", "", 1)) } else { format!("{line}\n") }
    });
    let config = parse(&lines.collect::<String>()).expect("a sound example");
    assert_eq!(config.clients[0].cert_san.as_deref(), Some("dns:mcp.example.com"));
    let tls = config.tls.expect("a section");
    let [cert, key, client_ca] =
        ["cert", "key", "clients"].map(|name| Path::new("/etc/crossfade/tls").join(format!("{name}.pem")));
    assert_eq!((tls.cert, tls.key, tls.client_ca), (cert, key, Some(client_ca)));
}

#[test]
fn the_schema_knows_every_key_that_the_parser_takes() {
    let schema: Value = serde_json::from_str(&repository("docs/config.schema.json")).expect("JSON");
    for (pointer, text) in [
        ("", "zzzz: 1\nstore: {kind: embedded}\n".to_owned()),
        ("/properties/store", "store: {kind: embedded, zzzz: 1}\n".to_owned()),
        ("/properties/tls", "store: {kind: embedded}\ntls: {cert: c, key: k, zzzz: 1}\n".to_owned()),
        ("/properties/secrets/items", with_secret("zzzz: 1")),
    ] {
        let properties = schema.pointer(&format!("{pointer}/properties")).expect("properties");
        assert_eq!(schema.pointer(&format!("{pointer}/additionalProperties")), Some(&Value::Bool(false)));
        assert!(properties.as_object().is_some_and(|p| !p.is_empty()));
        let errors = parse(&text).expect_err("an unknown key");
        assert!(errors[0].message.contains("no key that we know"), "{errors:?}");
    }
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = parse(&with_secret("")).expect("a sound config");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8750");
    assert_eq!(config.metrics_listen.to_string(), "127.0.0.1:8751");
    assert_eq!(config.admin_socket, Path::new("/etc/crossfade/data/crossfade.sock"));
    assert_eq!(config.audit_log.as_deref(), Some(Path::new("/etc/crossfade/data/audit.jsonl")));
    let [path, key_file] = ["/etc/crossfade/data", "/etc/crossfade/data/key"].map(Into::into);
    assert_eq!(config.store, StoreConfig::Embedded { path, key_file });
    let seconds = Duration::from_secs;
    assert_eq!((config.sync, config.freshness, config.hold), (seconds(20), seconds(60), seconds(86_400)));
    assert_eq!(config.accept_within, seconds(80));
    let policy = &config.secrets[0].policy;
    assert_eq!((policy.terms().grace, policy.soak()), (seconds(4 * 3600), seconds(60)));
    assert!(policy.terms().schedule.is_none(), "only by hand");
    assert_eq!(&*config.secrets[0].token_prefix, "mcp");
}

#[test]
fn a_value_is_taken_from_the_environment() {
    let text = with_secret("").replace("https://mcp.example.com", "${AUDIENCE}");
    let config = parse(&text).expect("a sound config");
    assert_eq!(&*config.secrets[0].audience, "https://mcp.example.com/from-the-environment");
}

#[test]
fn a_running_daemon_takes_new_secrets_and_refuses_new_sockets() {
    let old = parse(&with_secret("")).expect("a sound config");
    let cut = changes(&old, &parse(LEAST).expect("a sound config")).expect_err("it was cut off");
    assert!(cut.len() == 1 && cut[0].contains("`secrets: []`"), "{cut:?}");
    let new = parse(&format!("{LEAST}secrets: []\n")).expect("a sound config");
    let said = changes(&old, &new).expect("a change that can be applied");
    assert!(said[0].starts_with("s is no longer rotated"), "{said:?}");
    let moved =
        parse(&format!("{LEAST}listen: 127.0.0.1:9000\naudit_log: stderr\n")).expect("a sound config");
    let errors = changes(&new, &moved).expect_err("a change that needs a restart");
    assert!(errors.len() == 2 && errors[0].contains("`listen`"), "{errors:?}");
    let [plain, tls, mtls] = [LEAST.to_owned(), format!("{LEAST}{TLS}"), format!("{LEAST}{MTLS}")]
        .map(|text| parse(&text).expect("a sound config"));
    for (old, new) in [(&plain, &tls), (&tls, &plain)] {
        let errors = changes(old, new).expect_err("a change that needs a restart");
        assert!(errors.len() == 1 && errors[0].contains("`tls`"), "{errors:?}");
    }
    assert!(changes(&tls, &mtls).is_ok(), "other files");
}
