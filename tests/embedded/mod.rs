//! An embedded store on clocks that the test moves.

use std::{path::Path, sync::Arc, time::Duration};

use crossfade::{
    rotation::{
        plan::{Step, Why},
        ring::Ring,
    },
    store::{
        Reading, Secret, Store, Versions, WriteError,
        embedded::{Embedded, OpenError, Options},
    },
};
use crossfade_testing_store::HandClock;

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR: u64 = 1_767_225_600_000;
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DATABASE: &str = "crossfade.db";

pub fn new_year() -> Arc<HandClock> {
    HandClock::at(1_000, NEW_YEAR)
}

/// Opens the store in that directory, with its key beside it.
pub fn open(directory: &Path, clock: Arc<HandClock>) -> Result<Embedded, OpenError> {
    open_in_boot(directory, clock, "the first boot")
}

/// The same, in that boot of the machine.
pub fn open_in_boot(directory: &Path, clock: Arc<HandClock>, boot: &str) -> Result<Embedded, OpenError> {
    let patience = Duration::from_millis(200);
    let options = Options { boot_id: Some(boot.to_owned()), patience, ..Options::default() };
    Embedded::open_with(directory, &directory.join("key"), clock, options)
}

/// Past the store, on the file itself.
pub fn sqlite(directory: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.join(DATABASE)).expect("the database opens")
}

pub fn secret() -> Secret {
    Secret::new("mcp/slack-bot-token", "mcp")
}

/// How many steps the secret has behind it.
pub fn revision(database: &rusqlite::Connection) -> u64 {
    let revision =
        database
            .query_row("SELECT revision FROM secrets WHERE name = ?", [&*secret().name], |row| row.get(0));
    revision.map(i64::cast_unsigned).unwrap_or_default()
}

/// A handle on the secret, whose last read is one of now.
pub async fn handle(store: &Embedded) -> (Box<dyn Versions>, Reading) {
    let mut versions = store.secret(secret());
    let reading = versions.read().await.expect("the store can be read");
    (versions, reading)
}

pub async fn read(store: &Embedded) -> Reading {
    handle(store).await.1
}

pub async fn ring(store: &Embedded) -> Ring {
    read(store).await.ring.expect("the secret exists")
}

pub async fn tries(store: &Embedded, step: Step) -> Result<(), WriteError> {
    handle(store).await.0.apply(&step.because(Why::Missing)).await.map(drop)
}

pub async fn does(store: &Embedded, step: Step) -> Ring {
    tries(store, step).await.unwrap_or_else(|e| panic!("{step:?}: {e:?}"));
    ring(store).await
}

pub async fn stages(store: &Embedded) -> Ring {
    let current = ring(store).await.current.id;
    does(store, Step::Stage { current }).await
}

pub async fn rotates(store: &Embedded) -> Ring {
    let Ring { current, pending, .. } = stages(store).await;
    let pending = pending.expect("a pending version").id;
    does(store, Step::Promote { pending, current: current.id, accepted_for: HOUR }).await
}

/// The message of an error, with its causes.
pub fn message(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
