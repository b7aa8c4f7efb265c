//! The loop that follows: ask, hold, ask again.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    FeedError,
    machine::{First, fraction, race},
    pace,
    views::{RequestOptions, Taken, Views},
    wire::Connection,
};
use crate::{clock::Moment, timing::Dropped};

/// For a connection, its TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// For an answer that is not held.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// After an answer that is older than what is applied.
const AFTER_OLDER: Duration = Duration::from_secs(1);

pub(super) struct Follower {
    views: Arc<Views>,
    connection: Option<Connection>,
    /// In a row.
    failures: u32,
    /// How many replicas may still be asked at once, because nothing is known yet.
    at_once: usize,
    /// The last answer to a request that was to be held came at once.
    soon: bool,
    began: watch::Sender<bool>,
}

impl Follower {
    pub(super) fn new(views: Arc<Views>) -> Self {
        let at_once = views.daemon.replicas.len();
        Self { views, connection: None, failures: 0, at_once, soon: false, began: watch::Sender::new(false) }
    }

    /// Becomes true when one replica has answered, or all were asked.
    pub(super) fn began(&self) -> watch::Receiver<bool> {
        self.began.subscribe()
    }

    pub(super) async fn run(&mut self) {
        let views = Arc::clone(&self.views);
        let mut taken = views.taken();
        loop {
            taken.borrow_and_update();
            let (wait, asked) = (views.is_live(), views.daemon.machine.moment());
            let answer = self.fetch(wait).await;
            let pause = match answer {
                Ok(answer) => self.go_on(wait.then_some(asked), &answer),
                // A refresh was quicker: what was asked is answered.
                Err(FeedError::Dropped(Dropped::Older) | FeedError::ETag)
                    if taken.has_changed().unwrap_or(false) =>
                {
                    Duration::ZERO
                }
                Err(error) => self.failed(&error),
            };
            if self.failures > 0 && self.at_once > 1 {
                self.at_once -= 1;
                continue;
            }
            self.at_once = 0;
            self.began.send_replace(true);
            if !pause.is_zero() {
                taken.borrow_and_update();
                // A refresh that is answered meanwhile says that the wait is over.
                if let First::That(_) = race(views.daemon.machine.sleep(pause), taken.changed()).await {
                    self.failures = 0;
                    views.follow(views.answered_by());
                }
            }
        }
    }

    /// Asks the replica that is followed.
    async fn fetch(&mut self, wait: bool) -> Result<Taken, FeedError> {
        let (views, at) = (&self.views, self.views.followed());
        let mut connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => {
                let in_turn = u32::try_from(self.at_once.max(1)).unwrap_or(u32::MAX);
                views.daemon.connect(views.replica(at), CONNECT_LIMIT / in_turn).await?
            }
        };
        let limit = if wait { pace::held(views.freshness().unwrap_or_default()) } else { ANSWER_LIMIT };
        let taken = views.ask(at, &mut connection, RequestOptions { wait, no_cache: false, limit }).await?;
        self.connection = Some(connection).filter(|_| !taken.closes);
        Ok(taken)
    }

    /// How long to wait before the next request.
    fn go_on(&mut self, held_since: Option<Moment>, answer: &Taken) -> Duration {
        let machine = &*self.views.daemon.machine;
        self.failures = 0;
        if answer.closes {
            self.views.follow(self.views.followed() + 1);
            return pace::closed(fraction(machine));
        }
        let Some(since) = held_since else { return Duration::ZERO };
        let took = Duration::from_millis(machine.moment().elapsed_since_ms(since));
        let freshness = self.views.freshness().unwrap_or_default();
        let soon_before = std::mem::replace(&mut self.soon, pace::is_soon(freshness, took));
        pace::unheld(freshness, took, answer.changed, soon_before, fraction(machine))
    }

    /// Turns to the next replica; how long to wait before.
    fn failed(&mut self, error: &FeedError) -> Duration {
        self.connection = None;
        let (before, at) = (self.failures, self.views.followed());
        self.failures = before.saturating_add(1);
        self.views.failed(at, error);
        self.views.follow(at + 1);
        if matches!(error, FeedError::Dropped(Dropped::Older)) {
            return AFTER_OLDER;
        }
        pace::retry(before, self.views.freshness(), fraction(&*self.views.daemon.machine))
    }
}
