//! A step: one write.

use std::time::Duration;

use crossfade_verify::Moment;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::{
    account::Aws,
    error::CallError,
    label::{CURRENT, Cleanup, Kind, Labels, PENDING, PREVIOUS},
    memory::{ATTEMPTS, SecretMemory, Seen, State, first_id},
    pace::Urgency,
    value::{self, InvalidValue},
};
use crate::{
    clock::elapsed,
    rotation::{
        plan::Step,
        policy::Notes,
        ring::{Ring, VersionId},
        transition::after,
    },
    store::{Format, Secret, WriteError},
    time::{Interval, Timestamp},
    token::Token,
};

/// Who writes to one secret, on one read of it.
pub(super) struct Writer<'a> {
    pub(super) aws: &'a Aws,
    pub(super) secret: &'a Secret,
    pub(super) memory: &'a mut SecretMemory,
    pub(super) seen: &'a Seen,
    pub(super) urgency: Urgency,
}

impl Writer<'_> {
    /// Carries it out; the version that it made, if it makes one.
    pub(super) async fn apply(mut self, step: &Step) -> Result<Option<VersionId>, WriteError> {
        if *step == Step::Create {
            return self.create().await.map(Some);
        }
        let seen = self.seen;
        let (Some(state), Some(ring)) = (&seen.state, &seen.ring) else {
            return Err(WriteError::Conflict);
        };
        if let Step::Tidy { .. } = step {
            return self.tidy(state).await.map(|()| None);
        }
        // Whether the step fits what was read. What it makes does not matter here.
        let new = (ring.current.id, ring.current.digest);
        after(Some(ring), step, Notes::BeforePromotion, new, seen.now.latest).ok_or(WriteError::Conflict)?;
        if let Step::Stage { current } = *step {
            return self.stage(state, ring, current).await.map(Some);
        }
        let now = seen.now.latest;
        let done = match *step {
            Step::Create | Step::Tidy { .. } | Step::Stage { .. } => Err(WriteError::Conflict),
            Step::Note { version, until } => self.attach(state, Kind::Until, until, version).await,
            Step::Promote { pending, current, .. } => self.promote(state, ring, pending, current).await,
            Step::Drop { pending } => self.detach(state, PENDING, pending).await,
            Step::Retire { version } => self.retire(state, version).await,
            Step::End { version } => self.attach(state, Kind::Ended, now, version).await,
            Step::EndAll { current } => self.attach(state, Kind::Compromised, now, current).await,
            Step::Pause { current } => self.attach(state, Kind::Paused, now, current).await,
            Step::Keep { current } => self.attach(state, Kind::Kept, now, current).await,
            Step::Unpause { .. } => self.unpause(state).await,
        };
        done.map(|()| None)
    }

    async fn create(&self) -> Result<VersionId, WriteError> {
        if self.seen.ring.is_some() {
            return Err(WriteError::Conflict);
        }
        let token = self.token()?;
        let value = value::first(&token, self.secret.format).map_err(rejected)?;
        let made = first_id(self.secret, self.seen.state.as_ref());
        let id = made.to_string();
        self.turn().await?;
        let kms_key_id = self.aws.options.kms_key_id.as_deref();
        let put = match &self.seen.state {
            // The first value of all becomes current whatever is asked. Where a person was faster, theirs stays.
            Some(state) => self.aws.api.put(&state.arn, &id, &value, PENDING, self.as_of()).await,
            None => self.aws.api.create(&self.secret.name, &id, &value, kms_key_id, self.as_of()).await,
        };
        put.map(|()| made).map_err(CallError::of_a_put)
    }

    /// Puts the version that every replica would put now; the first one to do so wins.
    async fn stage(
        &mut self,
        state: &State,
        ring: &Ring,
        current: VersionId,
    ) -> Result<VersionId, WriteError> {
        let burnt = self.memory.burnt.filter(|(id, _)| *id == current).map_or(0, |(_, n)| n);
        if burnt >= ATTEMPTS && ring.current.ended.is_none() {
            let why = format!(
                "{ATTEMPTS} successors of version {current} were taken back, and no id is left for another: put a new \
                 value there by hand (aws secretsmanager put-secret-value), or end it (`rotate --compromised`)"
            );
            return Err(WriteError::Rejected(why.into()));
        }
        let id = VersionId::derive(&state.arn, Some(current), burnt);
        if state.labels.get(&id).is_some_and(|labels| is_burnt(labels, id)) {
            self.burn(current, burnt);
            return Err(WriteError::Conflict);
        }
        let value = self.successor(state, current).await?;
        self.turn().await?;
        match self.aws.api.put(&state.arn, &id.to_string(), &value, PENDING, self.as_of()).await {
            Ok(()) => Ok(id),
            Err(CallError::Exists(_)) => {
                self.look_at_its_owner(state, id, current, burnt).await;
                Err(WriteError::Conflict)
            }
            Err(error) => Err(error.of_a_put()),
        }
    }

    /// A new token in the place of the old one. What else the old value holds is kept, or nothing is put.
    async fn successor(&self, state: &State, current: VersionId) -> Result<Zeroizing<String>, WriteError> {
        let invalid = self.memory.known.get(&current).and_then(|known| known.token.err());
        if let Some(invalid) = invalid.filter(|invalid| !invalid.is_replaceable()) {
            return Err(rejected(invalid));
        }
        let token = self.token()?;
        if self.secret.format == Format::Plain {
            return value::first(&token, Format::Plain).map_err(rejected);
        }
        let name = self.memory.name(current);
        let old = self.aws.api.value(&state.arn, Some(&name)).await.outcome.map_err(CallError::of_a_move)?;
        let old = old.value.ok_or_else(|| rejected(InvalidValue::Binary))?;
        value::with_token(&old, &token).map_err(rejected)
    }

    /// The id exists, so somebody else has put it; or it was dropped, and is burnt.
    async fn look_at_its_owner(&mut self, state: &State, id: VersionId, current: VersionId, burnt: u32) {
        let Ok(stored) = self.aws.api.value(&state.arn, Some(&id.to_string())).await.outcome else { return };
        let labels = Labels(stored.stages.into_iter().collect());
        let lags = self.aws.lags();
        let bare = !labels.bears(CURRENT) && !labels.bears(PENDING);
        let over = bare && is_older(stored.created, lags.write_lag + lags.store_lag, self.seen.now);
        if is_burnt(&labels, id) || over {
            self.burn(current, burnt);
        }
    }

    fn burn(&mut self, current: VersionId, burnt: u32) {
        self.memory.burnt = Some((current, burnt + 1));
    }

    /// Reads the value back first: a label can be moved to a version that nobody can decrypt.
    async fn promote(
        &self,
        state: &State,
        ring: &Ring,
        pending: VersionId,
        current: VersionId,
    ) -> Result<(), WriteError> {
        let (to, from) = (self.memory.name(pending), self.memory.name(current));
        let answer = self.aws.api.value(&state.arn, Some(&to)).await;
        let stored = answer.outcome.map_err(CallError::of_a_move)?;
        // The soak and the deadline were judged by the time of the read, which this one has to bear out.
        answer.now.ok_or(WriteError::Conflict)?;
        let token = value::token(stored.value.as_ref().map(|value| value.as_str()), self.secret.format);
        let digest = token.map_err(rejected)?.digest();
        if ring.version(pending).is_none_or(|version| version.digest != digest) {
            return Err(WriteError::Conflict);
        }
        self.relabel(state, CURRENT, Some(&from), Some(&to)).await
    }

    /// AWS's label comes off first; our note stays as a tombstone until no late read can miss it. One that is ended
    /// is accepted by nobody: its note comes off.
    async fn retire(&mut self, state: &State, version: VersionId) -> Result<(), WriteError> {
        let bare = Labels::default();
        let labels = state.labels.get(&version).unwrap_or(&bare);
        if labels.bears(PREVIOUS) {
            return self.detach(state, PREVIOUS, version).await;
        }
        let note = labels.notes(Kind::Until, version).first().map(|(_, label)| (*label).to_owned());
        match note {
            Some(note) => self.detach(state, &note, version).await,
            None => {
                // What is left of it is our own memory of when it was replaced.
                self.memory.unnoted.remove(&version);
                Ok(())
            }
        }
    }

    async fn unpause(&self, state: &State) -> Result<(), WriteError> {
        let paused = state.labels.iter().find_map(|(id, labels)| {
            labels.notes(Kind::Paused, *id).first().map(|(_, label)| (*id, (*label).to_owned()))
        });
        let Some((version, label)) = paused else { return Ok(()) };
        self.detach(state, &label, version).await
    }

    async fn tidy(&mut self, state: &State) -> Result<(), WriteError> {
        let seen = self.seen;
        match &seen.cleanup {
            Some((version, Cleanup::Attach(kind, at))) => self.attach(state, *kind, *at, *version).await,
            Some((version, Cleanup::Detach(label))) => self.detach(state, label, *version).await,
            None => Err(WriteError::Conflict),
        }
    }

    /// Writes a note, unless it, or one that says at least as much, stands there already.
    async fn attach(
        &mut self,
        state: &State,
        kind: Kind,
        at: Timestamp,
        on: VersionId,
    ) -> Result<(), WriteError> {
        let (label, at) = kind.label(at, on);
        // A version that a person has replaced may have lost all of its labels.
        let bare = Labels::default();
        let labels = state.labels.get(&on).unwrap_or(&bare);
        let enough = match kind {
            Kind::Until | Kind::Kept => labels.latest(kind, on).is_some_and(|there| there >= at),
            Kind::Ended | Kind::Paused => labels.earliest(kind, on).is_some(),
            Kind::Compromised => labels.bears(&label),
        };
        if enough {
            return Ok(());
        }
        // A late read need not show our own last note yet.
        let moment = self.aws.clock.moment();
        let written = self.memory.written.get(&(kind, on)).copied();
        if written.is_some_and(|written| elapsed(written, moment) < self.aws.lags().store_lag) {
            return Err(WriteError::Conflict);
        }
        self.relabel(state, &label, None, Some(&self.memory.name(on))).await?;
        self.memory.written.insert((kind, on), moment);
        match kind {
            Kind::Ended => drop(self.memory.ended.entry(on).or_insert(at)),
            Kind::Compromised => drop(self.memory.compromised.insert(on, at)),
            Kind::Until | Kind::Paused | Kind::Kept => {}
        }
        Ok(())
    }

    async fn detach(&self, state: &State, label: &str, from: VersionId) -> Result<(), WriteError> {
        self.relabel(state, label, Some(&self.memory.name(from)), None).await
    }

    async fn relabel(
        &self,
        state: &State,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), WriteError> {
        self.turn().await?;
        self.aws.api.relabel(&state.arn, label, from, to, self.as_of()).await.map_err(CallError::of_a_move)
    }

    async fn turn(&self) -> Result<(), WriteError> {
        self.aws.api.turn(self.urgency).await.map_err(CallError::of_a_move)
    }

    /// What the write rests on.
    fn as_of(&self) -> Option<Moment> {
        Some(self.seen.at)
    }

    fn token(&self) -> Result<Token, WriteError> {
        let token = Token::generate(&self.secret.token_prefix, &mut SysRng);
        token.map_err(|error| WriteError::Unavailable(Box::new(error)))
    }
}

/// Taken back or ended: the id is not used again.
fn is_burnt(labels: &Labels, id: VersionId) -> bool {
    let noted = labels.latest(Kind::Until, id).is_some() || labels.earliest(Kind::Ended, id).is_some();
    noted && !labels.bears(PENDING) && !labels.bears(CURRENT)
}

fn rejected(invalid: InvalidValue) -> WriteError {
    WriteError::Rejected(Box::new(invalid))
}

/// Whether it is surely longer ago than that.
fn is_older(created: Timestamp, than: Duration, now: Interval) -> bool {
    created + than < now.earliest
}
