//! On the strict fake: one right away at a time.

use std::{collections::BTreeMap, time::Duration};

use crossfade_testing_secretsmanager::{
    Clock, Fake, Server,
    faults::{Effect, Failure, Rule},
    model::{DeleteSecret, Operation},
};
use tempfile::TempDir;

use crate::{check_live, text};

const NAME: &str = "mcp/slack-bot-token";
const FIRST: &str = "00000000-0000-4000-8000-000000000001";
const SECOND: &str = "00000000-0000-4000-8000-000000000002";
const TOKEN: &str = "the-token-that-they-had-before";
const KEY: &str = "AKIDTHEDAEMON";
const NEEDED: [Operation; 5] = [
    Operation::DescribeSecret,
    Operation::GetSecretValue,
    Operation::ListSecretVersionIds,
    Operation::PutSecretValue,
    Operation::UpdateSecretVersionStage,
];

struct World {
    server: Server,
    folder: TempDir,
}

/// What the command said, and how it ended.
struct Said {
    text: String,
    code: Option<i32>,
}

impl Said {
    fn verdict(&self, action: &str) -> &str {
        let line = self.text.lines().find_map(|line| line.trim_start().strip_prefix(action));
        line.unwrap_or_else(|| panic!("nothing of {action}: {}", self.text)).trim_start()
    }
}

impl World {
    /// A secret with a current and a previous version.
    async fn new() -> Self {
        let world = Self::empty().await;
        let person = world.server.person();
        person.create(NAME, FIRST, TOKEN).expect("a secret");
        person.put(NAME, SECOND, "the-token-that-they-have-now", &["AWSCURRENT"]).expect("a version");
        world.server.clear_calls();
        world
    }

    async fn empty() -> Self {
        let server = Fake::new(Clock::system()).serve(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        Self { server, folder: tempfile::tempdir().expect("a folder") }
    }

    async fn check(&self, store: &str) -> Said {
        self.check_with(store, &[]).await
    }

    async fn check_with(&self, store: &str, more: &[(&'static str, &'static str)]) -> Said {
        let config = format!(
            "store: {{kind: aws{store}}}\nsecrets:\n  - {{name: {NAME}, client_id: b, audience: \"https://mcp.example.com\"}}\n"
        );
        let (folder, endpoint) = (self.folder.path().to_owned(), self.server.endpoint());
        let more = more.to_vec();
        let run = tokio::task::spawn_blocking(move || {
            let mut environment = vec![
                ("AWS_ENDPOINT_URL", &*endpoint),
                ("AWS_ACCESS_KEY_ID", KEY),
                ("AWS_SECRET_ACCESS_KEY", "a-key-that-opens-nothing"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ];
            environment.extend(more);
            check_live(&folder, &config, &environment)
        });
        let output = run.await.expect("it ran");
        Said { text: text(&output), code: output.status.code() }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        self.server.secret(NAME).expect("the secret").labels().clone()
    }

    fn versions(&self) -> usize {
        self.server.secret(NAME).expect("the secret").versions().len()
    }
}

fn two() -> BTreeMap<String, String> {
    [("AWSCURRENT", SECOND), ("AWSPREVIOUS", FIRST)].map(|(l, v)| (l.to_owned(), v.to_owned())).into()
}

#[tokio::test]
async fn with_every_right_all_is_ok_and_no_label_has_moved() {
    let world = World::new().await;
    world.server.allow(KEY, &NEEDED);
    let said = world.check("").await;
    assert_eq!(said.code, Some(0), "{}", said.text);
    for action in NEEDED {
        assert_eq!(said.verdict(action.name()), "ok", "{}", said.text);
    }
    assert_eq!(world.labels(), two());
    assert_eq!(world.versions(), 3, "one without labels is left");
    let moved = world.server.changes();
    assert!(
        moved.iter().all(|change| two().iter().all(|(l, v)| change.labels.get(l) == Some(v))),
        "{moved:#?}"
    );
    assert!(!said.text.contains(TOKEN) && !said.text.contains("they-have-now"), "{}", said.text);
}

#[tokio::test]
async fn each_right_that_is_missing_is_the_one_that_is_named_with_its_remedy() {
    let world = World::new().await;
    for missing in NEEDED {
        let rest: Vec<_> = NEEDED.into_iter().filter(|action| *action != missing).collect();
        world.server.allow(KEY, &rest);
        let said = world.check("").await;
        assert_eq!(said.code, Some(1), "{missing:?}: {}", said.text);
        for action in NEEDED {
            let denied = said.verdict(action.name()).starts_with("denied: AWS says AccessDeniedException");
            assert_eq!(denied, action == missing, "without {missing:?}: {}", said.text);
            assert!(denied || said.verdict(action.name()) == "ok", "without {missing:?}: {}", said.text);
        }
        let remedy =
            format!("allow secretsmanager:{} on the secret's ARN (deploy/iam/daemon.json)", missing.name());
        assert!(said.text.contains(&remedy), "{}", said.text);
        let mut labels = world.labels();
        let left = labels.remove("crossfade-probe-live").is_some();
        assert_eq!(left, missing == Operation::UpdateSecretVersionStage, "only then it can't be taken off");
        assert_eq!(labels, two(), "without {missing:?}");
    }
}

#[tokio::test]
async fn a_label_that_could_not_be_taken_off_is_taken_off_by_the_next_run() {
    let world = World::new().await;
    world.server.allow(KEY, &NEEDED[..4]);
    for _ in 0..3 {
        world.check("").await;
    }
    assert_eq!(world.labels().len(), 3, "it never adds up: {:?}", world.labels());
    world.server.allow(KEY, &NEEDED);
    assert_eq!(world.check("").await.code, Some(0));
    assert_eq!(world.labels(), two());
}

#[tokio::test]
async fn without_any_right_nothing_is_tried_that_could_change_something() {
    let world = World::new().await;
    world.server.allow(KEY, &[]);
    let said = world.check("").await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(said.verdict("PutSecretValue").starts_with("not tried"), "{}", said.text);
    world.server.allow(KEY, &[Operation::PutSecretValue, Operation::UpdateSecretVersionStage]);
    world.check("").await;
    assert_eq!((world.labels(), world.versions()), (two(), 2));
}

#[tokio::test]
async fn a_key_that_refuses_is_told_from_a_right_that_is_missing() {
    for failure in [Failure::Key, Failure::KeyAccessDenied] {
        let world = World::new().await;
        world.server.fault(Rule::once(Effect::FailBefore(failure)).always().on(Operation::PutSecretValue));
        let said = world.check("").await;
        assert_eq!(said.code, Some(1), "{}", said.text);
        assert!(
            said.text.contains("allow kms:GenerateDataKey and kms:Decrypt on the secret's key"),
            "{}",
            said.text
        );
        assert!(said.text.contains("deploy/iam/daemon-kms.json"), "{}", said.text);
        assert_eq!(said.verdict("UpdateSecretVersionStage"), "ok", "a label moves without the key");
        assert_eq!(world.labels(), two());
    }
}

#[tokio::test]
async fn nothing_is_put_into_an_empty_secret_as_it_would_become_current() {
    let world = World::empty().await;
    world.server.person().create_empty(NAME, FIRST).expect("a secret");
    let said = world.check("").await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(
        said.text.contains("aws secretsmanager put-secret-value --secret-id mcp/slack-bot-token"),
        "{}",
        said.text
    );
    assert!(said.verdict("PutSecretValue").starts_with("not tried"), "{}", said.text);
    assert_eq!(world.versions(), 0);
    assert_eq!(world.check(", create_missing: true").await.code, Some(0), "the first start fills it");
    assert_eq!(world.versions(), 0);
}

#[tokio::test]
async fn a_missing_secret_is_not_made_and_the_command_that_makes_it_is_shown() {
    let world = World::empty().await;
    let said = world.check("").await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(
        said.text.contains("aws secretsmanager create-secret --name mcp/slack-bot-token"),
        "{}",
        said.text
    );
    let said = world.check(", create_missing: true").await;
    assert_eq!(said.code, Some(0), "{}", said.text);
    assert!(said.verdict("CreateSecret").starts_with("not tried"), "{}", said.text);
    assert!(world.server.secret(NAME).is_none());
}

#[tokio::test]
async fn the_right_to_create_is_proved_by_a_name_that_is_taken() {
    let world = World::new().await;
    world.server.allow(KEY, &NEEDED);
    let said = world.check(", create_missing: true").await;
    assert!(said.verdict("CreateSecret").starts_with("denied"), "{}", said.text);
    assert!(said.text.contains("deploy/iam/daemon-create-missing.json"), "{}", said.text);
    let with = [&NEEDED[..], &[Operation::CreateSecret]].concat();
    world.server.allow(KEY, &with);
    let said = world.check(", create_missing: true").await;
    assert_eq!((said.code, said.verdict("CreateSecret")), (Some(0), "ok"), "{}", said.text);
    assert_eq!(world.labels(), two());
}

#[tokio::test]
async fn a_value_that_is_no_token_is_found_before_the_daemon_starts() {
    let world = World::empty().await;
    world.server.person().create(NAME, FIRST, r#"{"token":"x"}"#).expect("a secret");
    let said = world.check("").await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(said.verdict("GetSecretValue").contains("set `format: json`"), "{}", said.text);
}

#[tokio::test]
async fn a_secret_that_is_being_deleted_or_managed_is_left_alone() {
    let world = World::new().await;
    world.server.person().set_owning_service(NAME, Some("rds")).expect("it is managed");
    let said = world.check("").await;
    assert!(said.verdict("DescribeSecret").contains("rds manages the secret"), "{}", said.text);
    assert!(said.verdict("PutSecretValue").starts_with("not tried"), "{}", said.text);
    world.server.person().set_owning_service(NAME, None).expect("it is not");
    let delete = DeleteSecret { secret_id: NAME.to_owned(), ..DeleteSecret::default() };
    world.server.person().does(delete).expect("it is deleted");
    let said = world.check("").await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(said.text.contains("restore it (restore-secret)"), "{}", said.text);
    assert_eq!(world.versions(), 2);
}

#[tokio::test]
async fn what_is_throttled_is_neither_proved_nor_denied() {
    let world = World::new().await;
    let refused = Effect::FailBefore(Failure::Throttling);
    world.server.fault(Rule::once(refused).on(Operation::UpdateSecretVersionStage));
    let said = world.check("").await;
    assert!(
        said.verdict("UpdateSecretVersionStage").starts_with("failed"),
        "throttled is not known: {}",
        said.text
    );
    assert!(said.text.contains("nothing is known: try again"), "{}", said.text);
    world.server.advance(Duration::from_secs(1));
    assert_eq!(world.check("").await.code, Some(0));
    assert_eq!(world.labels(), two());
}

#[tokio::test]
async fn what_would_print_secrets_is_refused_by_every_command_on_aws() {
    let world = World::new().await;
    for name in ["LOG_SIGNABLE_BODY", "LOG_SENSITIVE_BODIES"] {
        let said = world.check_with("", &[(name, "true")]).await;
        assert_eq!(said.code, Some(2), "{}", said.text);
        assert!(
            said.text.contains(&format!("{name} is set: it would print secrets. Unset it")),
            "{}",
            said.text
        );
    }
    assert_eq!(world.server.calls().len(), 0);
}

#[tokio::test]
async fn a_plain_http_endpoint_off_this_machine_is_refused_without_the_key_that_says_danger() {
    let world = World::new().await;
    // Nothing listens there (RFC 5737); the last one of the same name counts.
    let elsewhere = [("AWS_ENDPOINT_URL", "http://192.0.2.1:9")];
    let said = world.check_with("", &elsewhere).await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(said.text.contains("set `store.danger_plaintext_endpoint: true`"), "{}", said.text);
    assert_eq!(world.server.calls().len(), 0);
}
