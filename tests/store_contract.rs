//! One contract, every store: each sentence runs against each of them.
#![expect(unreachable_pub, reason = "the modules of a test have nobody outside")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use crossfade::{
    rotation::{plan::Decided, policy::Notes, ring::VersionId},
    store::{
        ReadError, Reading, Secret, Store, Versions, WriteError,
        decorators::{AuditEntry, AuditSink, Audited, DryRun, Metered, Operation, Outcome, StoreMeter},
    },
    time::Timestamp,
};
use crossfade_testing_secretsmanager::{Clock as FakeClock, Fake};
use crossfade_testing_store::{Following, HandClock, Memory};
use tempfile::TempDir;
use tokio::sync::Mutex as AsyncMutex;

mod contract;
#[expect(dead_code, reason = "shared with tests that do more with it")]
mod embedded;

use contract::{Subject, aws::OnAws, for_each_sentence};
use embedded::NEW_YEAR;

for_each_sentence! {
    memory: a_memory,
    memory_that_notes_ahead: a_memory_that_notes_ahead,
    embedded_store: an_embedded_store,
    decorated_store: a_decorated_store,
    dry_run: a_dry_run,
}

mod aws {
    use super::*;
    contract::ordinary_sentences!(an_aws_store);
    contract::used_id_sentences!(an_aws_store);
    contract::strict_sentences!(an_aws_store);
    contract::label_sentences!(an_aws_store);
}

type Pass<S> = Box<dyn Fn(&S, Duration) + Send + Sync>;

/// A store, and how its time passes.
struct Bench<S> {
    store: S,
    notes: Notes,
    pass: Pass<S>,
    _directory: Option<TempDir>,
}

#[async_trait]
impl<S: Store + 'static> Subject for Bench<S> {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn notes(&self) -> Notes {
        self.notes
    }

    async fn pass(&self, time: Duration) {
        (self.pass)(&self.store, time);
    }
}

async fn a_memory() -> Option<impl Subject> {
    Some(memory(Notes::WithPromotion))
}

async fn a_memory_that_notes_ahead() -> Option<impl Subject> {
    Some(memory(Notes::BeforePromotion))
}

fn memory(notes: Notes) -> Bench<Memory> {
    let store = Memory::new(notes, Timestamp::from_millis(NEW_YEAR));
    let pass = Box::new(|store: &Memory, time| store.set_now(store.now() + time));
    Bench { store, notes, pass, _directory: None }
}

async fn an_embedded_store() -> Option<impl Subject> {
    Some(embedded(|store, _| store))
}

async fn a_decorated_store() -> Option<impl Subject> {
    Some(embedded(|store, clock| {
        Metered::new(Audited::new(store, Arc::new(Nowhere)), Arc::new(Nowhere), clock)
    }))
}

fn embedded<S: Store>(
    around: impl Fn(crossfade::store::embedded::Embedded, Arc<HandClock>) -> S,
) -> Bench<S> {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = HandClock::at(1_000, NEW_YEAR);
    let store = embedded::open(directory.path(), Arc::clone(&clock)).expect("it opens");
    let store = around(store, Arc::clone(&clock));
    let pass = Box::new(move |_: &S, time| clock.pass(time));
    Bench { store, notes: Notes::WithPromotion, pass, _directory: Some(directory) }
}

async fn a_dry_run() -> Option<impl Subject> {
    let memory = Memory::new(Notes::WithPromotion, Timestamp::from_millis(NEW_YEAR));
    Some(DryRuns { memory, copies: Mutex::default() })
}

/// A dry run of each secret, which all of its handles share: each of its steps rests on what the copy is then.
struct DryRuns {
    memory: Memory,
    copies: Mutex<HashMap<Arc<str>, Copied>>,
}

#[derive(Clone)]
struct Copied(Arc<AsyncMutex<DryRun>>);

impl Store for DryRuns {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        let mut copies = self.copies.lock().expect("no panic");
        let copy = copies.entry(Arc::clone(&secret.name));
        let copy = copy.or_insert_with(|| {
            Copied(Arc::new(AsyncMutex::new(DryRun::new(&self.memory, secret, Notes::WithPromotion))))
        });
        Box::new(copy.clone())
    }
}

#[async_trait]
impl Versions for Copied {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        self.0.lock().await.read().await
    }

    async fn apply(&mut self, decided: &Decided) -> Result<Option<VersionId>, WriteError> {
        self.0.lock().await.apply(decided).await
    }
}

#[async_trait]
impl Subject for DryRuns {
    fn store(&self) -> &dyn Store {
        self
    }

    fn notes(&self) -> Notes {
        Notes::WithPromotion
    }

    /// Nobody else changes a copy: there is no older state of it.
    fn compares_whole_states(&self) -> bool {
        false
    }

    async fn pass(&self, time: Duration) {
        self.memory.set_now(self.memory.now() + time);
        let copies: Vec<_> = self.copies.lock().expect("no panic").values().cloned().collect();
        for copy in copies {
            copy.0.lock().await.advance_to(self.memory.now());
        }
    }
}

async fn an_aws_store() -> Option<OnAws> {
    let fake = Fake::new(FakeClock::standing_at(NEW_YEAR));
    let server = fake.serve(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let (endpoint, server) = (server.endpoint(), Arc::new(server));
    let time = Arc::clone(&server);
    // A look at the clocks takes a millisecond, so that no two calls are made at the same time.
    let look = move || {
        time.advance(Duration::from_millis(1));
        time.now_ms()
    };
    Some(OnAws::new(endpoint, "", Arc::new(Following(look, move |time| server.advance(time)))))
}

struct Nowhere;

#[async_trait]
impl AuditSink for Nowhere {
    async fn record(&self, _: Timestamp, _: &AuditEntry) {}
}

impl StoreMeter for Nowhere {
    fn observe(&self, _: Operation, _: Outcome, _: Duration) {}
}
