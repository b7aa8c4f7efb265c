//! The loop: fetch, apply, report, again. It ends with its verifier, and with nothing else.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use http::HeaderValue;

use super::{
    Event, FeedError,
    cache::Cache,
    exchange::{Answer, Question, ask},
    machine::{First, jitter, race},
    refresh::Refresh,
    report,
    wire::{Connection, Daemon},
};
use crate::{
    timing::{Dropped, Place},
    verdict::View,
    verifier::Inner,
};

/// For a connection, its TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// For an answer that is not held.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// A request is held for this long at most.
const HELD_AT_MOST: Duration = Duration::from_secs(60);
/// From one report to the next, at least.
const REPORT_EVERY_MS: u64 = 5_000;
/// After an answer that is older than what is applied.
const AFTER_OLDER: Duration = Duration::from_secs(1);
/// How long to wait after a failure, at most: doubled with each round, up to the cap.
const BACKOFF: Duration = Duration::from_millis(500);
const BACKOFF_CAP: Duration = Duration::from_secs(15);

pub(super) struct Follower {
    verifier: Weak<Inner>,
    audience: Arc<str>,
    daemon: Daemon,
    instance: HeaderValue,
    refresh: Arc<Refresh>,
    cache: Option<Cache>,
    max_hold_ms: u64,
    /// The tag of what is applied.
    etag: Option<HeaderValue>,
    /// A replica has said that what is applied counts; only then a request may be held.
    live: bool,
    replica: usize,
    connection: Option<Connection>,
    /// In a row.
    failures: u32,
    /// On the boot clock.
    reported_ms: u64,
}

impl Follower {
    pub(super) fn new(
        verifier: &Arc<Inner>,
        daemon: Daemon,
        instance: HeaderValue,
        refresh: Arc<Refresh>,
        cache: Option<Cache>,
        max_hold_ms: u64,
    ) -> Self {
        Self {
            verifier: Arc::downgrade(verifier),
            audience: verifier.audience(),
            // Not all verifiers begin with the same one.
            replica: usize::try_from(daemon.machine.random() % daemon.replicas.len() as u64).unwrap_or(0),
            reported_ms: daemon.machine.moment().boot_ms,
            daemon,
            instance,
            refresh,
            cache,
            max_hold_ms,
            etag: None,
            live: false,
            connection: None,
            failures: 0,
        }
    }

    /// Begins with what was kept, where it is of use.
    pub(super) async fn read_cache(&mut self, verifier: &Inner) {
        let Some(cache) = &self.cache else { return };
        match cache.read(&*self.daemon.machine).await {
            Ok(None) => {}
            Ok(Some((mut view, etag))) => {
                view.set = view.set.with_max_hold(self.max_hold_ms);
                let event = Event::Cached { entries: view.set.entries().len(), age_ms: view.age_ms };
                self.daemon.tell(&event);
                verifier.apply(view);
                self.etag = Some(etag);
            }
            Err(error) => self.daemon.tell(&Event::Cache { error: &error }),
        }
    }

    pub(super) async fn run(mut self) {
        let mut asked = 0;
        while let Some(place) = self.place() {
            let wait = self.live && !self.refresh.is_asked();
            let refresh = Arc::clone(&self.refresh);
            let answer = if wait {
                match race(self.fetch(true, place), refresh.asked()).await {
                    First::This(answer) => answer,
                    First::That(()) => {
                        // The held request is given up: there is one connection, and it is taken.
                        self.connection = None;
                        continue;
                    }
                }
            } else {
                self.fetch(false, place).await
            };
            asked += 1;
            let pause = match answer {
                Ok(answer) => self.take(answer).await,
                Err(error) => self.failed(&error),
            };
            let round_over = self.failures == 0 || asked >= self.daemon.replicas.len();
            if self.refresh.is_asked() && !round_over {
                continue; // The next replica, at once.
            }
            asked = 0;
            self.refresh.ended();
            race(self.daemon.machine.sleep(pause), refresh.asked()).await;
        }
    }

    /// The place in time of what is applied; none at all: the verifier is gone.
    #[expect(clippy::option_option, reason = "whether there is a verifier, and whether it has a view")]
    fn place(&self) -> Option<Option<Place>> {
        let view = self.verifier.upgrade()?.view();
        Some(view.map(|View { now_ms, age_ms, .. }| Place { now_ms, age_ms }))
    }

    /// Asks the replica whose turn it is.
    async fn fetch(&mut self, wait: bool, place: Option<Place>) -> Result<Answer, FeedError> {
        let replica = &self.daemon.replicas[self.replica];
        let mut connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => {
                let in_turn = u32::try_from(self.daemon.replicas.len()).unwrap_or(u32::MAX);
                let limit = if self.refresh.is_asked() { CONNECT_LIMIT / in_turn } else { CONNECT_LIMIT };
                self.daemon.connect(replica, limit).await?
            }
        };
        let limit = if wait { self.held() } else { ANSWER_LIMIT };
        let (applied, instance) = (self.etag.as_ref(), &self.instance);
        let question = Question { audience: &self.audience, instance, applied, place, wait, limit };
        let answer = ask(&self.daemon, replica, &mut connection, &question).await?;
        self.connection = Some(connection).filter(|_| !answer.closes);
        Ok(answer)
    }

    /// How long an answer that is held may take: it has to come while there is time to ask another replica.
    fn held(&self) -> Duration {
        let view = self.verifier.upgrade().and_then(|verifier| verifier.view());
        let freshness = Duration::from_millis(view.map_or(0, |view| view.set.freshness_ms()));
        (freshness / 2).min(HELD_AT_MOST)
            + (freshness / 4).clamp(Duration::from_secs(1), Duration::from_secs(10))
    }

    /// Applies what came; how long to wait before the next request.
    async fn take(&mut self, answer: Answer) -> Duration {
        let Some(verifier) = self.verifier.upgrade() else { return Duration::ZERO };
        let Answer { set, place, taken, closes } = answer;
        let replica = &self.daemon.replicas[self.replica].url;
        let changed = set.is_some();
        match set {
            Some((set, etag)) => {
                let (set, Place { now_ms, age_ms }) = (set.with_max_hold(self.max_hold_ms), place);
                self.daemon.tell(&Event::Applied { replica, entries: set.entries().len() });
                verifier.apply(View { set, now_ms, age_ms, taken, complete: true });
                self.etag = Some(etag);
            }
            None => {
                verifier.confirm(place, taken);
                self.daemon.tell(&Event::Confirmed { replica });
            }
        }
        (self.live, self.failures) = (true, 0);
        if let (Some(cache), Some(etag), Some(view)) = (&mut self.cache, &self.etag, verifier.view())
            && let Err(error) = cache.write(&*self.daemon.machine, &view, etag, changed).await
        {
            self.daemon.tell(&Event::Cache { error: &error });
        }
        self.report(&verifier).await;
        if closes {
            self.replica = (self.replica + 1) % self.daemon.replicas.len();
            return jitter(&*self.daemon.machine, BACKOFF);
        }
        Duration::ZERO
    }

    async fn report(&mut self, verifier: &Inner) {
        let now_ms = self.daemon.machine.moment().boot_ms;
        let due = now_ms.saturating_sub(self.reported_ms) >= REPORT_EVERY_MS;
        let Some(connection) = self.connection.as_mut().filter(|_| due) else { return };
        self.reported_ms = now_ms;
        let replica = &self.daemon.replicas[self.replica];
        let who = (&*self.audience, &self.instance);
        if let Err(error) = report::send(&self.daemon, replica, connection, who, verifier.counts()).await {
            self.connection = None;
            self.daemon.tell(&Event::NotReported { replica: &replica.url, error: &error });
        }
    }

    /// Turns to the next replica; how long to wait before.
    fn failed(&mut self, error: &FeedError) -> Duration {
        self.connection = None;
        self.failures = self.failures.saturating_add(1);
        let replicas = u32::try_from(self.daemon.replicas.len()).unwrap_or(u32::MAX);
        let replica = &self.daemon.replicas[self.replica].url;
        self.daemon.tell(&Event::Failed { replica, error, in_a_row: self.failures });
        self.replica = (self.replica + 1) % self.daemon.replicas.len();
        if matches!(error, FeedError::Dropped(Dropped::Older)) {
            return AFTER_OLDER;
        }
        let rounds = (self.failures - 1) / replicas;
        jitter(&*self.daemon.machine, (BACKOFF * (1 << rounds.min(10))).min(BACKOFF_CAP))
    }
}
