//! An order's turns: a person waits for it, so it is carried through or answered for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crossfade_verify::{Digest, Moment};
use tokio::sync::oneshot;

use super::{
    observation,
    rejections::TRIES,
    rotator::{Rotator, Seen},
};
use crate::{
    causes::chain,
    clock::elapsed,
    rotation::{
        plan::{self, Bound, Demand, Next, Refusal, Request, Step},
        policy::Policy,
        ring::{Marks, NO_TOKEN, Ring, VersionId},
    },
    store::{ReadError, WriteError},
    time::Timestamp,
};

/// An order that makes no headway is answered after this long and as much as a read can be late, or this many turns: a
/// person waits for the answer.
const PATIENCE: Duration = Duration::from_secs(20);
const TURNS: u32 = 64;
/// Between two reads, where one has to be waited for that can't be late, not more of them than this are made.
const LOOKS: u32 = 16;

/// An order, and whom to tell once it stands in the store and is published.
#[derive(Debug)]
pub struct Order {
    /// What was ordered.
    pub request: Request,
    /// Who waits for it.
    pub reply: oneshot::Sender<Result<Done, OrderFailure>>,
}

/// An order that stands in the store.
#[derive(Debug)]
pub struct Done {
    /// What it was bound to.
    pub demand: Demand,
    /// The version that it is about: the one that is to be ended or taken back alone, else the one that its first read
    /// showed as current.
    pub about: VersionId,
    /// When it was taken, on the store's clock.
    pub taken: Timestamp,
    /// The versions that were open to begin with, and that it has ended.
    pub ended: Vec<VersionId>,
    /// Whether it has changed anything in the store.
    pub changed: bool,
    /// What keeps the current version, which it has ended, from being replaced until a person has mended it.
    pub held_up: Option<String>,
    /// The last read of the order.
    pub seen: Seen,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OrderFailure {
    /// It can't be carried out as things are, and nothing was done for it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It was not carried out, for certain; what was done for it is said.
    #[error("{0}")]
    Failed(String),
    /// It may or may not stand in the store.
    #[error("{0}")]
    Unknown(String),
}

/// An order on its way.
#[derive(Default)]
struct Course {
    started: Moment,
    bound: Option<Bound>,
    /// Versions that were seen without an end.
    open: BTreeMap<VersionId, Digest>,
    /// Those of them that were seen with one later.
    closed: BTreeSet<VersionId>,
    /// How many steps have succeeded.
    steps: u32,
    /// One of them was the mark on everything made before the order: it ends what no read has shown yet, too.
    marked_all: bool,
    /// A write of the order has failed in a way that leaves open whether it lands.
    is_unsure: bool,
    failures: u32,
    trouble: Option<String>,
}

/// What came of one turn.
enum Turn {
    /// Nothing is left of the order.
    Done(Box<Done>),
    /// The store may show that nothing is left, to a read that is not late.
    Unshown,
    Step,
    /// Nothing was done, or not for certain.
    Nothing,
    /// It is of no use to go on.
    Hopeless,
}

impl Course {
    fn see(&mut self, ring: &Ring) {
        for version in ring.versions() {
            match version.ended {
                None => drop(self.open.insert(version.id, version.digest)),
                Some(_) => drop(self.closed.insert(version.id)),
            }
        }
    }

    /// Takes in what became of a step.
    fn acted(&mut self, step: &Step, result: Result<(), WriteError>, is_end: bool) -> Turn {
        let Err(error) = result else {
            self.steps += 1;
            self.marked_all |= matches!(step, Step::EndAll { .. });
            return Turn::Step;
        };
        self.trouble = Some(chain(&error));
        self.failures += u32::from(!matches!(error, WriteError::Conflict));
        let is_unsure = matches!(error, WriteError::Unavailable(_));
        self.is_unsure |= is_unsure;
        let is_hopeless = is_unsure && !is_end && self.failures > TRIES;
        if is_hopeless { Turn::Hopeless } else { Turn::Nothing }
    }

    /// Whether a read shows that nothing is left of the order. Where it rests on what the read does *not* show, one that
    /// is late says nothing: it takes a read that shows all that stood when the order came.
    fn is_shown(&self, demand: &Demand, in_time: bool) -> bool {
        match demand {
            Demand::RevokePrevious { .. } => in_time,
            // Marks that stood before the order say nothing of what was made since.
            Demand::Compromised { .. } | Demand::RevokeAll { .. } => in_time || self.marked_all,
            Demand::Resume => in_time || self.steps > 0,
            _ => true,
        }
    }

    /// Whether what stands is of its own making. Where a reply was lost, and what was asked for stands, it was.
    fn has_written(&self) -> bool {
        self.steps > 0 || self.is_unsure
    }

    fn ended(&self, marks: &Marks) -> Vec<VersionId> {
        // A mark is a token's; what holds none bears its own.
        let marked = |digest: &Digest| *digest != NO_TOKEN && marks.contains_key(digest);
        let ended = self.open.iter().filter(|(id, digest)| marked(digest) || self.closed.contains(id));
        ended.map(|(id, _)| *id).collect()
    }

    /// What is known of an order that was not carried out: it failed, where none of its writes can land any more.
    fn given_up(&self, why: &str, marks: &Marks) -> OrderFailure {
        let ended = self.ended(marks);
        let ended: Vec<String> = ended.iter().map(ToString::to_string).collect();
        let done = match (&*ended, self.steps) {
            ([], 0) => "nothing was changed".to_owned(),
            ([], _) => "a part of the order was carried out, and no version was ended".to_owned(),
            (ended, _) => format!("the order has ended version {} so far", ended.join(" and version ")),
        };
        if self.is_unsure {
            let unsure = "it is not known whether the order stands in the store";
            return OrderFailure::Unknown(format!("{unsure}: {why}. Look at `status`, then repeat it"));
        }
        OrderFailure::Failed(format!("{why}; {done}. Look at `status`, then repeat the order"))
    }
}

impl Rotator {
    /// Turns until the order stands in the store, and was read back and published. The first read binds it. An end is
    /// not put off by a store that is busy or out of order: it is tried for as long as anybody waits.
    pub async fn carry_out(&mut self, policy: &Policy, request: Request) -> Result<Done, OrderFailure> {
        tracing::info!(secret = %self.secret.name, "ordered: {request}");
        self.rejections.clear();
        let mut course = Course { started: self.clock.moment(), ..Course::default() };
        let store_lag = policy.terms().store.store_lag;
        for turn in 0..TURNS {
            if elapsed(course.started, self.clock.moment()) > PATIENCE + store_lag {
                break;
            }
            match self.turn_of(&mut course, request, policy).await? {
                Turn::Done(done) => return Ok(*done),
                Turn::Unshown => {
                    self.clock.sleep(policy.terms().sync.clamp(store_lag / LOOKS, store_lag)).await;
                }
                Turn::Step => {}
                Turn::Nothing => self.clock.sleep(Duration::from_millis(10 << turn.min(6))).await,
                Turn::Hopeless => break,
            }
        }
        let trouble = course.trouble.clone().unwrap_or_else(|| "it made no headway".to_owned());
        Err(match course.bound {
            None => unread(&course, &trouble),
            Some(_) => course.given_up(&trouble, &self.marks),
        })
    }

    /// One turn of an order: a read, and the step that it shows to be next.
    async fn turn_of(
        &mut self,
        course: &mut Course,
        request: Request,
        policy: &Policy,
    ) -> Result<Turn, OrderFailure> {
        let seen = match self.observe(policy).await {
            Ok(seen) => seen,
            Err(error) => {
                let why = chain(&error);
                return match error {
                    ReadError::Unavailable(_) if request.is_end() => {
                        course.trouble = Some(why);
                        Ok(Turn::Nothing)
                    }
                    // What others have done meanwhile is not known either.
                    ReadError::Unavailable(_) => Err(unread(course, &why)),
                    _ => Err(course.given_up(&why, &self.marks)),
                };
            }
        };
        if let Some(ring) = &seen.ring {
            course.see(ring);
            let bound = match course.bound {
                Some(bound) => bound,
                None => request.bind(ring, seen.now)?,
            };
            course.bound = Some(bound);
            if let Some(refusal) = bound.overtaken(ring) {
                return Err(course.given_up(&refusal.to_string(), &self.marks));
            }
            if plan::settled(ring, &bound.demand) {
                let in_time = elapsed(course.started, seen.at) >= policy.terms().store.store_lag;
                return Ok(match course.is_shown(&bound.demand, in_time) {
                    true => Turn::Done(Box::new(self.done(course, bound, seen))),
                    false => Turn::Unshown,
                });
            }
        }
        let demand = course.bound.map(|bound| bound.demand);
        Ok(match self.decide(&seen, policy, demand.as_ref()) {
            Next::Do(decided) => {
                let result = self.act(&seen, decided, policy).await;
                course.acted(&decided.step, result, request.is_end())
            }
            // The store refuses it, time and again.
            Next::Idle { .. } if self.rejections.any_given_up(seen.now.earliest) => Turn::Hopeless,
            // What it waits for, where the store shows that.
            Next::Idle { .. } => {
                let waits_for = seen.ring.as_ref().and_then(observation::told);
                course.trouble = waits_for.or(course.trouble.take());
                Turn::Nothing
            }
        })
    }

    /// What keeps an ended current version, which the order wants replaced, from being replaced until a person has mended
    /// it: what the store shows, a value that we may not read, or that the store has refused the new one time and again.
    pub fn held_up(&self, seen: &Seen, demand: &Demand) -> Option<String> {
        let replaces =
            matches!(demand, Demand::Rotate { .. } | Demand::Compromised { .. } | Demand::RevokeAll { .. });
        let ring = seen.ring.as_ref().filter(|ring| replaces && ring.current.ended.is_some())?;
        let given_up = self.rejections.any_given_up(seen.now.earliest);
        let denied = seen.reading.unread.as_ref().is_some_and(|unread| unread.denied);
        let unread = denied && observation::is_needed(ring, self.secret.format);
        let parked = self.last.parked.as_ref().filter(|_| given_up || unread);
        let held = plan::holds_the_replacement(ring).map(|held| held.to_string());
        held.or_else(|| parked.map(|parked| parked.message.clone()))
    }

    fn done(&self, course: &Course, bound: Bound, seen: Seen) -> Done {
        let Bound { demand, current, until: taken, .. } = bound;
        let about = match demand {
            Demand::Revoke { version } => version,
            Demand::Abort { pending } => pending,
            _ => current,
        };
        let (ended, changed) = (course.ended(&self.marks), course.has_written());
        let held_up = self.held_up(&seen, &demand);
        Done { demand, about, taken, ended, changed, held_up, seen }
    }
}

/// The store could not be read: what stands there is not known, whoever may have written it.
fn unread(course: &Course, why: &str) -> OrderFailure {
    let nothing = if course.has_written() { "" } else { "nothing was written for it, and " };
    OrderFailure::Unknown(format!(
        "{nothing}it is not known whether the order stands in the store: {why}. Look at `status`, then repeat it"
    ))
}
