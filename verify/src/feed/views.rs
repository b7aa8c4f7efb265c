//! What is applied, and how an answer becomes it. The request that is held and a refresh may each bring one.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::watch;

use super::{
    Event, FeedError,
    address::Address,
    exchange::{Answer, Question, Set, ask},
    wire::{Connection, Daemon},
};
use crate::{
    clock::Moment,
    timing::{Dropped, PlaceInTime},
    verdict::View,
    verifier::{Counts, Inner},
};

/// One verifier's views, and how it asks for them.
pub(super) struct Views {
    verifier: Weak<Inner>,
    pub(super) counts: Arc<Counts>,
    pub(super) audience: Arc<str>,
    pub(super) instance: HeaderValue,
    pub(super) daemon: Daemon,
    max_hold_ms: u64,
    /// The replica that is followed.
    followed: AtomicUsize,
    /// Requests that came to nothing, in a row.
    failures: AtomicU32,
    applied: Mutex<Applied>,
    /// How many answers have counted.
    taken: watch::Sender<u64>,
}

/// What an answer has said last; nothing of what a cache file says.
#[derive(Default)]
struct Applied {
    etag: Option<HeaderValue>,
    newest: Option<Newest>,
    /// Which replica it came from.
    by: usize,
}

/// A view as it is kept.
#[derive(Clone)]
pub(super) struct Newest {
    /// The set as it came.
    pub(super) json: Bytes,
    pub(super) place: PlaceInTime,
    /// When the view had that place.
    pub(super) taken: Moment,
}

/// How to ask.
#[derive(Clone, Copy)]
pub(super) struct RequestOptions {
    /// To be held until something changes.
    pub(super) wait: bool,
    /// By a view that the replica has just made.
    pub(super) no_cache: bool,
    pub(super) limit: Duration,
}

/// An answer that counted.
pub(super) struct Taken {
    /// It brought a set.
    pub(super) changed: bool,
    /// The replica ends the connection: another one will answer.
    pub(super) closes: bool,
}

impl Views {
    pub(super) fn new(
        verifier: &Arc<Inner>,
        daemon: Daemon,
        instance: HeaderValue,
        max_hold_ms: u64,
    ) -> Self {
        // Not all verifiers begin with the same one.
        let followed = usize::try_from(daemon.machine.random() % daemon.replicas.len() as u64).unwrap_or(0);
        Self {
            verifier: Arc::downgrade(verifier),
            counts: Arc::clone(verifier.counts()),
            audience: verifier.audience(),
            instance,
            daemon,
            max_hold_ms,
            followed: AtomicUsize::new(followed),
            failures: AtomicU32::new(0),
            applied: Mutex::default(),
            taken: watch::Sender::new(0),
        }
    }

    pub(super) fn followed(&self) -> usize {
        self.followed.load(Relaxed)
    }

    pub(super) fn follow(&self, replica: usize) {
        self.followed.store(replica % self.daemon.replicas.len(), Relaxed);
    }

    pub(super) fn replica(&self, at: usize) -> &Address {
        &self.daemon.replicas[at % self.daemon.replicas.len()]
    }

    /// A replica has said that what is applied counts; only then a request may be held.
    pub(super) fn is_live(&self) -> bool {
        self.applied().etag.is_some()
    }

    /// The replica that answered last.
    pub(super) fn answered_by(&self) -> usize {
        self.applied().by
    }

    /// What an answer has brought last.
    pub(super) fn newest(&self) -> Option<Newest> {
        self.applied().newest.clone()
    }

    /// How many answers have counted, to be waited for.
    pub(super) fn taken(&self) -> watch::Receiver<u64> {
        self.taken.subscribe()
    }

    pub(super) fn freshness(&self) -> Option<Duration> {
        let view = self.verifier.upgrade().and_then(|verifier| verifier.view());
        view.map(|view| Duration::from_millis(view.set.freshness_ms()))
    }

    /// Applies what was kept in a file: it accepts, and never refuses.
    pub(super) fn begin_with(&self, mut view: View) {
        let Some(verifier) = self.verifier.upgrade() else { return };
        view.set = view.set.with_max_hold(self.max_hold_ms);
        self.daemon.tell(&Event::Cached { entries: view.set.entries().len(), age_ms: view.age_ms });
        verifier.apply(view);
    }

    /// Asks a replica on that connection, and applies what it says.
    pub(super) async fn ask(
        &self,
        at: usize,
        connection: &mut Connection,
        RequestOptions { wait, no_cache, limit }: RequestOptions,
    ) -> Result<Taken, FeedError> {
        let (applied, place) = {
            let applied = self.applied();
            (applied.etag.clone(), applied.newest.as_ref().map(|newest| newest.place))
        };
        let question = Question {
            audience: &self.audience,
            instance: &self.instance,
            applied: applied.as_ref(),
            place,
            wait,
            no_cache,
            limit,
        };
        let answer = Box::pin(ask(&self.daemon, self.replica(at), connection, &question)).await?;
        self.take(answer, applied.as_ref(), at)
    }

    fn take(&self, answer: Answer, asked: Option<&HeaderValue>, at: usize) -> Result<Taken, FeedError> {
        let Answer { set, place, taken, closes } = answer;
        let (changed, replica) = (set.is_some(), &self.replica(at).url);
        if let Some(verifier) = self.verifier.upgrade() {
            // Another answer may have come since the question.
            let mut applied = self.applied();
            if applied.newest.as_ref().is_some_and(|newest| place.read_ms() < newest.place.read_ms()) {
                return Err(FeedError::Dropped(Dropped::Older));
            }
            let Applied { etag: applied_etag, newest, by } = &mut *applied;
            *by = at;
            match (set, newest) {
                (Some(Set { set, json, etag }), newest) => {
                    let (set, PlaceInTime { now_ms, age_ms }) = (set.with_max_hold(self.max_hold_ms), place);
                    let entries = set.entries().len();
                    verifier.apply(View { set, now_ms, age_ms, taken, complete: true });
                    *newest = Some(Newest { json, place, taken });
                    *applied_etag = Some(etag);
                    drop(applied);
                    self.daemon.tell(&Event::Applied { replica, entries });
                }
                (None, Some(newest)) if asked == applied_etag.as_ref() => {
                    (newest.place, newest.taken) = (place, taken);
                    verifier.confirm(place, taken);
                    drop(applied);
                    self.daemon.tell(&Event::Confirmed { replica });
                }
                (None, _) => return Err(FeedError::ETag),
            }
        }
        self.failures.store(0, Relaxed);
        self.taken.send_modify(|taken| *taken += 1);
        Ok(Taken { changed, closes })
    }

    /// A request came to nothing.
    pub(super) fn failed(&self, at: usize, error: &FeedError) {
        let in_a_row = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        self.daemon.tell(&Event::Failed { replica: &self.replica(at).url, error, in_a_row });
    }

    fn applied(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
