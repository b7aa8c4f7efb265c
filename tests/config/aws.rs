//! What Secrets Manager's keys say, and what it does not give.

use std::time::Duration;

use crossfade::{
    config::{Config, StoreConfig, changes},
    store::{Format, aws::Options},
};

use crate::{LEAST, on, parse};

const AWS: &str = "store: {kind: aws}\n";

fn options(config: &Config) -> &Options {
    match &config.store {
        StoreConfig::Aws(options) => options,
        StoreConfig::Embedded { .. } => panic!("another store"),
    }
}

#[test]
fn what_is_left_out_of_aws_has_the_documented_default() {
    let config = parse(&on(AWS, "")).expect("a sound config");
    let Options { region, kms_key_id, plaintext, traits, hold } = options(&config).clone();
    assert_eq!((region, kms_key_id, plaintext), (None, None, false));
    let seconds = Duration::from_secs;
    assert_eq!((traits.store_lag, traits.write_lag, traits.creates), (seconds(15), seconds(300), false));
    assert_eq!((hold, config.secrets[0].format), (config.hold, Format::Plain));
    assert_eq!(config.secrets[0].policy.soak(), seconds(75), "freshness and store_lag");
    assert_eq!(config.secrets[0].policy.terms().store, traits);
}

#[test]
fn every_key_of_aws_is_taken() {
    let store = "store: {kind: aws, region: eu-west-1, create_missing: true, kms_key_id: alias/mcp, store_lag: 20s, \
                 write_lag: 1m, danger_plaintext_endpoint: true}\n";
    let config = parse(&on(store, "format: json")).expect("a sound config");
    let Options { region, kms_key_id, plaintext, traits, .. } = options(&config);
    assert_eq!((region.as_deref(), kms_key_id.as_deref()), (Some("eu-west-1"), Some("alias/mcp")));
    assert!(*plaintext && traits.creates && config.secrets[0].format == Format::Json);
    assert_eq!((traits.store_lag.as_secs(), traits.write_lag.as_secs()), (20, 60));
}

/// The commented lines of the example are uncommented, and those that they replace are taken out.
#[test]
fn the_example_s_lines_for_aws_are_sound_and_show_the_defaults() {
    let example = include_str!("../../config.example.yaml");
    let (own, shared) = (
        [
            "region:",
            "create_missing:",
            "kms_key_id:",
            "danger_plaintext_endpoint:",
            "kind:",
            "store_lag:",
            "write_lag:",
        ],
        ["path:", "key_file:", "sync:", "freshness:", "grace:", "soak:", "format:"],
    );
    let begins = |line: &str, keys: &[&str]| keys.iter().any(|key| line.trim_start().starts_with(key));
    let lines = example.lines().filter_map(|line| {
        let commented = line.trim_start().strip_prefix("# ").filter(|rest| begins(rest, &own));
        let indent = &line[..line.len() - line.trim_start().len()];
        match commented {
            Some(rest) => Some(format!("{indent}{rest}\n")),
            None if line.trim_start() == "# format: json" => Some(format!("{indent}format: json\n")),
            None => (!begins(line, &own) && !begins(line, &shared)).then(|| format!("{line}\n")),
        }
    });
    let config = parse(&lines.collect::<String>()).expect("a sound example");
    let wanted = Options {
        region: Some("ap-northeast-1".to_owned()),
        kms_key_id: Some("alias/mcp".to_owned()),
        hold: config.hold,
        ..Options::default()
    };
    assert_eq!(options(&config), &wanted);
    assert_eq!(config.secrets[0].format, Format::Json);
}

#[test]
fn the_guide_s_config_is_sound() {
    let guide = include_str!("../../docs/aws.md");
    let yaml = guide.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a config");
    // It stands in a list, indented.
    let yaml: String =
        yaml.lines().map(|line| format!("{}\n", line.strip_prefix("   ").unwrap_or(line))).collect();
    let config = parse(&yaml.replace('…', &"ab".repeat(32))).expect("a sound config");
    assert_eq!(options(&config).region.as_deref(), Some("ap-northeast-1"));
    assert_eq!(config.secrets[0].policy.soak(), Duration::from_secs(75), "as the guide says");
}

#[test]
fn a_key_of_the_other_kind_of_store_is_refused_by_name_and_says_whose_it_is() {
    for (kind, of, keys) in [
        (
            "embedded",
            "aws",
            &["region: x", "create_missing: true", "kms_key_id: x", "danger_plaintext_endpoint: true"][..],
        ),
        ("aws", "embedded", &["path: ./x", "key_file: ./x"]),
    ] {
        for key in keys {
            let mistakes = parse(&format!("store: {{kind: {kind}, {key}}}\n")).expect_err("a mistake");
            let name = key.split(':').next().expect("a key");
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert_eq!(mistakes[0].message, format!("`store.{name}` is for `kind: {of}`: take it out"));
        }
    }
}

#[test]
fn json_is_for_aws_only() {
    assert!(parse(&on(AWS, "format: json")).is_ok());
    let mistakes = parse(&on(LEAST, "format: json")).expect_err("a mistake");
    assert!(mistakes[0].message.contains("`json` is for `store.kind: aws`"), "{mistakes:?}");
}

#[test]
fn each_mistake_about_aws_shows_the_sum() {
    for (lines, says) in [
        ("every: 14m59s\ngrace: 1m", "(899s) is less than 15 minutes"),
        ("every: 20s\nsoak: 75s", "shortest gap (20s) is not longer than soak"),
        ("schedule: '*/10 * * * *'\ngrace: 1m", "(600s) is less than 15 minutes"),
        ("every: 15m\ngrace: 4h", "is 17 previous versions at once, and there is room for the notes of 10"),
        ("soak: 74s", "60s + 15s = 75s"),
        ("grace: 29s", "2 × 15s = 30s"),
    ] {
        let mistakes = parse(&on(AWS, lines)).err().unwrap_or_default();
        let found = mistakes.iter().any(|mistake| mistake.message.contains(says));
        assert!(found, "{lines}\nhas to say {says:?}, but says {mistakes:#?}");
    }
}

/// Grace and its margin: 12 s + write_lag 300 s + freshness 60 s + 30 s + 2 × store_lag 15 s + sync 20 s = 452 s.
#[test]
fn ten_overlapping_versions_fit_on_aws_and_one_second_more_does_not() {
    for (gap_s, grace_s, fits) in
        [(900, 9_000 - 452, true), (900, 9_000 - 451, false), (3600, 36_000 - 452, true)]
    {
        let parsed = parse(&on(AWS, &format!("every: {gap_s}s\ngrace: {grace_s}s")));
        assert_eq!(parsed.is_ok(), fits, "{gap_s} {grace_s}: {parsed:?}");
    }
}

#[test]
fn rotations_by_hand_and_the_embedded_store_are_not_bound_by_aws_s_limits() {
    assert!(parse(&on(AWS, "grace: 200h")).is_ok(), "only by hand");
    assert!(parse(&on(LEAST, "every: 2m\ngrace: 200h")).is_ok(), "embedded");
}

const NAME: &str = "mcp/slack-bot-token";
const WHOLE: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mcp/slack-bot-token-AbC123";
const PARTIAL: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mcp/slack-bot-token";

/// A store, secrets of these names, and a bot that may have the tokens of these.
fn secrets(store: &str, names: &[&str], bots: &[&str]) -> String {
    let secret =
        |name: &&str| format!("  - {{name: \"{name}\", client_id: b, audience: https://mcp.example.com}}\n");
    let bots: Vec<String> = bots.iter().map(|name| format!("\"{name}\"")).collect();
    let hash = "a".repeat(64);
    let clients = format!(
        "clients:\n  - {{id: b, role: bot, credential_sha256: {hash}, secrets: [{}]}}\n",
        bots.join(", ")
    );
    let clients = if bots.is_empty() { String::new() } else { clients };
    format!("{store}secrets:\n{}{clients}", names.iter().map(secret).collect::<String>())
}

#[test]
fn two_names_of_what_aws_may_take_for_one_secret_do_not_stand_in_one_config() {
    let elsewhere = WHOLE.replace("123456789012", "999999999999");
    for names in [[NAME, WHOLE], [WHOLE, NAME], [PARTIAL, WHOLE], [NAME, PARTIAL], [NAME, &elsewhere]] {
        let mistakes = parse(&secrets(AWS, &names, &[])).expect_err("one secret");
        let said = &mistakes[0].message;
        assert!(mistakes.len() == 1 && said.contains("same secret") && said.contains(names[0]), "{said}");
    }
    for names in [[NAME, "mcp/slack-bot"], [WHOLE, &elsewhere], ["mcp/slack", "mcp/slack-search"]] {
        assert!(parse(&secrets(AWS, &names, &[])).is_ok(), "{names:?}");
    }
}

#[test]
fn a_client_s_list_names_a_secret_in_any_way_that_aws_takes() {
    for (name, listed) in [(NAME, WHOLE), (NAME, PARTIAL), (WHOLE, NAME), (WHOLE, PARTIAL), (PARTIAL, WHOLE)]
    {
        let config = parse(&secrets(AWS, &[name], &[listed])).expect("a sound config");
        assert_eq!(config.clients[0].secrets, [name.into()], "as the config calls it");
        assert!(config.secret(listed).is_ok_and(|secret| *secret.name == *name));
        assert!(parse(&secrets(LEAST, &[name], &[listed])).is_err(), "only AWS knows ARNs");
    }
    let elsewhere = WHOLE.replace("123456789012", "999999999999");
    let mistakes = parse(&secrets(AWS, &[WHOLE, &elsewhere], &[NAME])).expect_err("which?");
    let said = &mistakes[0].message;
    assert!(said.contains(WHOLE) && said.contains(&elsewhere), "{said}");
}

#[test]
fn what_is_neither_a_name_nor_an_arn_of_the_store_s_region_is_a_mistake() {
    let there = WHOLE.replace("eu-west-1", "us-east-1").replace("slack", "teams");
    let region = "store: {kind: aws, region: us-east-1}\n";
    for (store, names, what) in [
        (AWS, vec!["mcp:slack"], "nor an ARN"),
        (AWS, vec!["arn:aws:s3:::mcp"], "nor an ARN"),
        (AWS, vec!["arn:aws:secretsmanager:eu-west-1:123456789012:mcp"], "nor an ARN"),
        (region, vec![WHOLE], "of the region eu-west-1"),
        (AWS, vec![WHOLE, &there], "of the region us-east-1"),
    ] {
        let mistakes = parse(&secrets(store, &names, &[])).expect_err("a mistake");
        let said = &mistakes[0].message;
        assert!(mistakes.len() == 1 && said.contains(what), "{names:?}: {said}");
    }
    assert!(parse(&secrets(region, &[&there], &[])).is_ok());
}

#[test]
fn a_secret_that_is_spelled_otherwise_after_a_reload_is_not_said_to_be_gone() {
    let old = parse(&secrets(AWS, &[NAME], &[NAME])).expect("a sound config");
    let new = parse(&secrets(AWS, &[WHOLE], &[PARTIAL])).expect("a sound config");
    for (old, new) in [(&old, &new), (&new, &old)] {
        let said = changes(old, new).expect("changes");
        assert!(said.len() == 1 && said[0].contains("stands in the config as"), "{said:?}");
    }
}
