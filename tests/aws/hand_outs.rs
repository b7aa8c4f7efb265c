//! Tokens that callers ask for, while engines read.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use crossfade::{
    clock::SystemClock,
    store::{
        Secret,
        aws::{Answer, Aws, CallError, Calls, Described, Listed, Options, Stored, Urgency},
    },
    token::Reveal as _,
};
use crossfade_verify::Moment;
use tokio::task::JoinSet;

/// An AWS that never answers, and counts who waits for a value.
#[derive(Default)]
struct Silent {
    waiting: AtomicUsize,
}

#[async_trait]
impl Calls for Silent {
    async fn describe(&self, _: &str) -> Answer<Described> {
        unreachable!("nobody reads")
    }

    async fn value(&self, _: &str, _: Option<&str>) -> Answer<Stored> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }

    async fn versions(&self, _: &str) -> Answer<Vec<Listed>> {
        unreachable!("nobody reads")
    }

    async fn create(
        &self,
        _: &str,
        _: &str,
        _: &str,
        _: Option<&str>,
        _: Option<Moment>,
    ) -> Result<(), CallError> {
        unreachable!("nobody writes")
    }

    async fn put(&self, _: &str, _: &str, _: &str, _: &str, _: Option<Moment>) -> Result<(), CallError> {
        unreachable!("nobody writes")
    }

    async fn turn(&self, _: Urgency) -> Result<(), CallError> {
        unreachable!("nobody writes")
    }

    async fn relabel(
        &self,
        _: &str,
        _: &str,
        _: Option<&str>,
        _: Option<&str>,
        _: Option<Moment>,
    ) -> Result<(), CallError> {
        unreachable!("nobody writes")
    }
}

#[tokio::test]
async fn a_thousand_hand_outs_leave_places_for_the_values_that_engines_read() {
    let silent = Arc::new(Silent::default());
    let secret = Secret::new("mcp/slack-bot-token", "mcp");
    let asked: Arc<dyn Calls> = Arc::<Silent>::clone(&silent);
    let aws = Aws::asking(asked, Options::default(), Arc::new(SystemClock));
    let asked_for = Arc::new(AtomicUsize::new(0));
    let mut hand_outs = JoinSet::new();
    for _ in 0..1_000 {
        let (aws, secret, asked_for) = (aws.clone(), secret.clone(), Arc::clone(&asked_for));
        hand_outs.spawn(async move {
            asked_for.fetch_add(1, Ordering::Relaxed);
            aws.reveal(&secret).await.map(drop)
        });
    }
    while asked_for.load(Ordering::Relaxed) < 1_000 {
        tokio::task::yield_now().await;
    }
    // AWS is asked for 32 values at once, whoever wants them.
    let waiting = silent.waiting.load(Ordering::Relaxed);
    assert!((1..=16).contains(&waiting), "{waiting} hand-outs wait for AWS");
}
