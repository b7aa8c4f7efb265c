//! The rules of the service, on the pure model: no server, no clock.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;

use crossfade_testing_secretsmanager::model::{
    CreateSecret, DescribeSecret, Error, GetSecretValue, PutSecretValue, Service, UpdateSecretVersionStage,
};

mod deletion;
mod labels;
mod limits;
mod put;
mod reads;

const NAME: &str = "mcp/slack-bot-token";
const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";
const HOUR_MS: u64 = 60 * 60 * 1000;

/// A service with one secret, and a time that only tests move.
struct World {
    service: Service,
    now_ms: u64,
}

/// The nth version id.
fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn value(n: u32) -> String {
    format!("value {n}")
}

fn create() -> CreateSecret {
    CreateSecret {
        name: NAME.to_owned(),
        client_request_token: Some(id(1)),
        secret_string: Some(value(1).as_str().into()),
        ..CreateSecret::default()
    }
}

fn put(n: u32) -> PutSecretValue {
    PutSecretValue {
        secret_id: NAME.to_owned(),
        client_request_token: Some(id(n)),
        secret_string: Some(value(n).as_str().into()),
        ..PutSecretValue::default()
    }
}

impl World {
    /// With one version, which is current.
    fn new() -> Self {
        let mut world = Self::empty();
        world.service = Service::default();
        world.service.create_secret(&create(), world.now_ms).unwrap();
        world
    }

    /// With a secret that has no version.
    fn empty() -> Self {
        let mut world = Self { service: Service::default(), now_ms: 1_700_000_000_123 };
        let empty = CreateSecret { secret_string: None, ..create() };
        world.service.create_secret(&empty, world.now_ms).unwrap();
        world
    }

    /// With versions 1 (previous), 2 (current) and 3 (pending).
    fn rotating() -> Self {
        let mut world = Self::new();
        world.put(2, &[]).unwrap();
        world.put(3, &[PENDING]).unwrap();
        world
    }

    fn put(&mut self, n: u32, labels: &[&str]) -> Result<(), Error> {
        let stages: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
        let request = PutSecretValue { version_stages: (!labels.is_empty()).then_some(stages), ..put(n) };
        self.service.put_secret_value(&request, self.now_ms).map(drop)
    }

    fn label(&mut self, label: &str, to: Option<u32>, from: Option<u32>) -> Result<(), Error> {
        let request = UpdateSecretVersionStage {
            secret_id: NAME.to_owned(),
            version_stage: label.to_owned(),
            move_to_version_id: to.map(id),
            remove_from_version_id: from.map(id),
        };
        self.service.update_secret_version_stage(&request, self.now_ms).map(drop)
    }

    /// Which version bears each label.
    fn labels(&self) -> BTreeMap<String, String> {
        self.service.secret(NAME, self.now_ms).unwrap().labels().clone()
    }

    fn changed_ms(&self) -> u64 {
        let request = DescribeSecret { secret_id: NAME.to_owned() };
        self.service.describe_secret(&request, self.now_ms).unwrap().last_changed_date.0
    }

    fn read(&self, n: Option<u32>, label: Option<&str>) -> Result<String, Error> {
        let request = GetSecretValue {
            secret_id: NAME.to_owned(),
            version_id: n.map(id),
            version_stage: label.map(str::to_owned),
        };
        let reply = self.service.get_secret_value(&request, self.now_ms)?;
        Ok(reply.secret_string.unwrap().expose().to_owned())
    }
}

/// What [`World::labels`] should be.
fn on(labels: &[(&str, u32)]) -> BTreeMap<String, String> {
    labels.iter().map(|&(label, n)| (label.to_owned(), id(n))).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code
}
