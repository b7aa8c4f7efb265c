//! Values that are kept for a TTL.

use std::{
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::Result;
use constant_time_eq::constant_time_eq;
use tokio::sync::Mutex;

use super::{Verdict, source::Source};
use crate::clock::now;

pub(super) struct Cache {
    source: Source,
    labels: &'static [&'static str],
    values: RwLock<Vec<String>>,
    cool_down: Option<Duration>,
    /// When an unknown token last made it ask. Who waits for the lock shares what the one before has found.
    asked: Mutex<Option<Instant>>,
}

impl Cache {
    pub(super) async fn new(source: Source, labels: &'static [&'static str]) -> Result<Self> {
        let (values, asked) = (RwLock::default(), Mutex::default());
        let cache = Self { source, labels, values, cool_down: None, asked };
        cache.refresh().await?;
        Ok(cache)
    }

    /// An unknown token makes it ask, at most this often.
    pub(super) fn asks_every(&mut self, cool_down: Duration) {
        self.cool_down = Some(cool_down);
    }

    /// In the background, so that no request waits for it. While AWS fails, the last values go on.
    pub(super) async fn keep_fresh(&self, ttl: Duration) {
        loop {
            tokio::time::sleep(ttl).await;
            let _ = self.refresh().await;
        }
    }

    pub(super) async fn verdict(&self, token: &str) -> Verdict {
        if self.knows(token) {
            return Verdict::Accepted;
        }
        let Some(cool_down) = self.cool_down else { return Verdict::Refused };
        let mut asked = self.asked.lock().await;
        if self.knows(token) {
            return Verdict::Accepted;
        }
        if asked.is_some_and(|asked| asked.elapsed() < cool_down) {
            return Verdict::Refused;
        }
        *asked = Some(now());
        match self.refresh().await {
            Ok(()) if self.knows(token) => Verdict::Accepted,
            Ok(()) => Verdict::Refused,
            Err(_) => Verdict::Unsure,
        }
    }

    /// Compares with all of them, so that the time does not tell which one it was.
    fn knows(&self, token: &str) -> bool {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        values.iter().fold(false, |known, value| known | constant_time_eq(value.as_bytes(), token.as_bytes()))
    }

    async fn refresh(&self) -> Result<()> {
        let mut values = Vec::new();
        // The current one first: where a rotation falls in between, one token stands twice, and no old one is lost.
        for label in self.labels {
            values.extend(self.source.value(label).await?);
        }
        *self.values.write().unwrap_or_else(PoisonError::into_inner) = values;
        Ok(())
    }
}
