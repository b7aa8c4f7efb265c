//! What answers in AWS's place during one turn: perhaps late, perhaps without effect, perhaps without an answer.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use crossfade::{
    rotation::ring::VersionId,
    store::aws::{Answer, CallError, Calls, Described, Listed, Stored, Urgency},
    time::{Interval, Timestamp},
};
use crossfade_testing_secretsmanager::model::{
    DescribeSecret, GetSecretValue, PutSecretValue, Service, UpdateSecretVersionStage,
};
use crossfade_verify::Moment;
use zeroize::Zeroizing;

use super::{AwsState, NAMES};
use crate::{broken::Broken, rules::Ticks, token::token_of};

/// What befalls a turn's calls.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// The store can't be read.
    Unread,
    /// The write is not sent.
    Unsent,
    /// The write lands, and nobody says so.
    Unanswered,
    /// The write is on its way, and nobody says so.
    Late,
}

/// One write to AWS.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Write {
    secret: usize,
    what: What,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum What {
    /// A new version, with AWSPENDING; or with AWSCURRENT, by a person.
    Put {
        id: String,
        current: bool,
    },
    Label {
        label: String,
        from: Option<String>,
        to: Option<String>,
    },
}

impl Write {
    pub(crate) fn put(secret: usize, id: &str) -> Self {
        Self { secret, what: What::Put { id: id.to_owned(), current: false } }
    }

    /// As a person does it.
    pub(crate) fn replace(secret: usize, id: &str) -> Self {
        Self { secret, what: What::Put { id: id.to_owned(), current: true } }
    }

    pub(crate) fn label(secret: usize, label: &str, from: Option<&str>, to: Option<&str>) -> Self {
        let (label, from, to) = (label.to_owned(), from.map(str::to_owned), to.map(str::to_owned));
        Self { secret, what: What::Label { label, from, to } }
    }

    /// The code with which AWS refuses it.
    pub(super) fn on(&self, service: &mut Service, now: Timestamp) -> Result<(), &'static str> {
        let secret_id = NAMES[self.secret].to_owned();
        let done = match &self.what {
            What::Put { id, current } => {
                // Two that put the same id put different values.
                let there = service.secret(&secret_id, 0).expect("no secret is ever deleted");
                if there.versions().iter().any(|version| version.id == *id) {
                    return Err("ResourceExistsException");
                }
                let token = token_of(id.parse::<VersionId>().expect("an id is a UUID"));
                let request = PutSecretValue {
                    secret_id,
                    client_request_token: Some(id.clone()),
                    secret_string: Some((&*token).into()),
                    secret_binary: None,
                    version_stages: (!current).then(|| vec!["AWSPENDING".to_owned()]),
                };
                service.put_secret_value(&request, now.as_millis()).map(drop)
            }
            What::Label { label, from, to } => {
                let request = UpdateSecretVersionStage {
                    secret_id,
                    version_stage: label.clone(),
                    remove_from_version_id: from.clone(),
                    move_to_version_id: to.clone(),
                };
                service.update_secret_version_stage(&request, now.as_millis()).map(drop)
            }
        };
        done.map_err(|error| error.code)
    }
}

/// Of one secret, for one turn.
pub(crate) struct AwsCalls {
    pub(crate) secret: usize,
    /// What reads show.
    pub(crate) shown: Service,
    pub(crate) now: Interval,
    /// What the clock of the store says, whatever the replica takes it for.
    pub(crate) time: Timestamp,
    pub(crate) tick: Ticks,
    pub(crate) fault: Option<Fault>,
    /// No value can be read.
    pub(crate) dark: bool,
    pub(crate) broken: Option<Broken>,
    /// How many slots have passed since the current version was made.
    pub(crate) slot: u32,
    pub(crate) state: Mutex<(AwsState, Option<Write>)>,
}

impl AwsCalls {
    /// What the turn has left: the service, and a write that is still on its way.
    pub(crate) fn left(&self) -> (AwsState, Option<Write>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer<T>(&self, outcome: Result<T, CallError>) -> Answer<T> {
        Answer { outcome, now: Some(self.now) }
    }

    fn send(&self, write: Write) -> Result<(), CallError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (service, late) = &mut *state;
        match self.fault {
            Some(Fault::Unread | Fault::Unsent) => return Err(CallError::Unavailable("not sent".into())),
            Some(Fault::Late) => {
                *late = Some(write);
                return Err(CallError::Unavailable("no answer yet".into()));
            }
            _ => {}
        }
        let landed = service.land(&write, self.time, self.tick);
        if self.fault == Some(Fault::Unanswered) {
            return Err(CallError::Unavailable("no answer".into()));
        }
        landed.map_err(|code| match code {
            "ResourceExistsException" => CallError::Exists(code.into()),
            "ResourceNotFoundException" => CallError::NotFound(code.into()),
            "LimitExceededException" => CallError::Limit(code.into()),
            _ => CallError::Refused(code.into()),
        })
    }

    /// The note on that version, as reads show it.
    fn note_on(&self, id: &str) -> Option<String> {
        let secret = self.shown.secret(NAMES[self.secret], 0)?;
        let mut notes = secret.labels().iter().filter(|(l, on)| l.contains("-until-") && *on == id);
        notes.next().map(|(label, _)| label.clone())
    }
}

#[async_trait]
impl Calls for AwsCalls {
    async fn describe(&self, secret: &str) -> Answer<Described> {
        if self.fault == Some(Fault::Unread) {
            return Answer { outcome: Err(CallError::Unavailable("unread".into())), now: None };
        }
        let request = DescribeSecret { secret_id: secret.to_owned() };
        let shown = self.shown.describe_secret(&request, 0).expect("no secret is ever deleted");
        let mut stages = shown.version_ids_to_stages;
        if self.broken == Some(Broken::PauseLost) {
            let current = |labels: &Vec<String>| labels.iter().any(|label| label == "AWSCURRENT");
            let others = stages.values_mut().filter(|labels| !current(labels));
            others.for_each(|labels| labels.retain(|label| !label.contains("-paused-")));
        }
        let described = Described {
            arn: shown.arn,
            stages,
            rotates_itself: false,
            owner: None,
            kind: None,
            primary_region: None,
            replicating: false,
            deleted: None,
        };
        self.answer(Ok(described))
    }

    async fn value(&self, _: &str, version: Option<&str>) -> Answer<Stored> {
        if self.dark {
            return self.answer(Err(CallError::Denied("the key can't be used".into())));
        }
        let request = GetSecretValue {
            secret_id: NAMES[self.secret].to_owned(),
            version_id: version.map(str::to_owned),
            version_stage: None,
        };
        let found = self.shown.get_secret_value(&request, 0);
        let stored = found.map_err(|error| CallError::NotFound(error.code.into())).map(|reply| Stored {
            id: reply.version_id,
            created: Timestamp::from_millis(reply.created_date.0),
            stages: reply.version_stages.unwrap_or_default(),
            value: reply.secret_string.map(|text| Zeroizing::new(text.expose().to_owned())),
        });
        self.answer(stored)
    }

    async fn versions(&self, _: &str) -> Answer<Vec<Listed>> {
        let secret = self.shown.secret(NAMES[self.secret], 0).expect("no secret is ever deleted");
        let created = |ms| Some(Timestamp::from_millis(ms));
        let listed =
            secret.versions().iter().map(|v| Listed { id: v.id.clone(), created: created(v.created_ms) });
        self.answer(Ok(listed.collect()))
    }

    async fn create(
        &self,
        _: &str,
        _: &str,
        _: &str,
        _: Option<&str>,
        _: Option<Moment>,
    ) -> Result<(), CallError> {
        Err(CallError::Refused("nothing is created here".into()))
    }

    /// The token that was made is left out: one that is made of the id stands for it.
    async fn put(&self, _: &str, id: &str, _: &str, _: &str, _: Option<Moment>) -> Result<(), CallError> {
        let secret = self.shown.secret(NAMES[self.secret], 0).expect("no secret is ever deleted");
        let current = secret.labels().get("AWSCURRENT").and_then(|id| id.parse().ok());
        let id = match self.broken {
            Some(Broken::IdFromTheSlot) => {
                VersionId::derive(secret.arn(), current, self.slot % 8).to_string()
            }
            _ => id.to_owned(),
        };
        self.send(Write::put(self.secret, &id))
    }

    async fn turn(&self, _: Urgency) -> Result<(), CallError> {
        Ok(())
    }

    async fn relabel(
        &self,
        _: &str,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
        _: Option<Moment>,
    ) -> Result<(), CallError> {
        let (mut label, mut from) = (label.to_owned(), from);
        if self.broken == Some(Broken::LabelOffLast)
            && let ("AWSPREVIOUS", Some(id), None) = (label.as_str(), from, to)
            && let Some(note) = self.note_on(id)
        {
            (label, from) = (note, Some(id));
        }
        self.send(Write::label(self.secret, &label, from, to))
    }
}
