//! What the daemon holds, compared with what is on the disk now: files are renamed, put back, renewed and edited under a
//! process that runs for months. A difference is told once in the log, and stands in `status` and in a metric for as long
//! as it is there; where an order could be lost by it, the daemon is not ready.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use super::{certificates, open::StoreFiles, sockets::AdminName};
use crate::{
    audit::AuditLog,
    clock::Clock,
    config::Config,
    http::tls::Tls,
    lock::lock,
    metrics::{Drifted, Metrics},
};

/// How often it is compared without being asked.
const CHECK_EVERY: Duration = Duration::from_secs(5);

pub(super) type Load = Arc<dyn Fn(&Path) -> Result<Config> + Send + Sync>;

/// What is compared.
pub(super) struct Drift {
    pub(super) path: PathBuf,
    pub(super) load: Load,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) audit: Arc<AuditLog>,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) store: Option<Arc<dyn StoreFiles>>,
    pub(super) admin: Arc<AdminName>,
    pub(super) state: Mutex<State>,
}

/// What was seen last.
#[derive(Default)]
pub(super) struct State {
    applied: Option<Arc<Config>>,
    config: CheckedFiles,
    certificates: CheckedFiles,
    told: BTreeMap<Drifted, String>,
}

/// Files, and what a check of them found: it is made again only once one of them is another, or was written.
#[derive(Default)]
struct CheckedFiles {
    marks: Vec<Option<Mark>>,
    found: Option<String>,
}

/// A file's fingerprint: it changes when the file is replaced or written.
pub(super) type Mark = [i64; 6];

impl CheckedFiles {
    fn check(&mut self, files: &[&Path], check: impl FnOnce() -> Option<String>) -> Option<String> {
        let marks: Vec<_> = files.iter().map(|file| mark(file)).collect();
        if self.marks != marks {
            *self = Self { marks, found: check() };
        }
        self.found.clone()
    }
}

pub(super) fn mark(file: &Path) -> Option<Mark> {
    let about = std::fs::metadata(file).ok()?;
    let (device, inode) = (about.dev().cast_signed(), about.ino().cast_signed());
    Some([device, inode, about.size().cast_signed(), about.mtime(), about.ctime(), about.ctime_nsec()])
}

impl Drift {
    /// This config is in force now, and what it names was read. Its file had that mark before it was read, so that the
    /// same file is not read once more: with ten thousand secrets that took 20 MB, which the process kept.
    pub(super) fn applied(&self, config: &Arc<Config>, mark: Option<Mark>) {
        let mut state = lock(&self.state);
        // What was found before was compared with another one.
        *state = State {
            applied: Some(Arc::clone(config)),
            config: CheckedFiles { marks: vec![mark], found: None },
            told: std::mem::take(&mut state.told),
            ..State::default()
        };
    }

    /// Compares, and says what is new about it.
    pub(super) fn compare(&self) -> BTreeMap<Drifted, String> {
        let mut state = lock(&self.state);
        let found = self.find(&mut state);
        for what in Drifted::ALL {
            self.metrics.drift(what, found.contains_key(&what));
            match (state.told.get(&what), found.get(&what)) {
                (before, Some(now)) if before != Some(now) => tracing::warn!("{now}"),
                (Some(_), None) => tracing::info!("{}: as it is on the disk again", what.as_str()),
                _ => {}
            }
        }
        state.told.clone_from(&found);
        found
    }

    /// What people should know of it, in words.
    pub(super) fn notices(&self) -> Vec<String> {
        self.compare().into_values().collect()
    }

    /// What an order could be lost by. Whoever reaches `metrics_listen` asks this, as often as they like: it looks
    /// at the names of three files, waits for no lock, and reads none.
    pub(super) fn not_ready(&self) -> Option<String> {
        self.store.as_ref().and_then(|store| store.database())
    }

    fn find(&self, state: &mut State) -> BTreeMap<Drifted, String> {
        let mut found = BTreeMap::new();
        let mut add = |what, told: Option<String>| drop(told.map(|told| found.insert(what, told)));
        let State { applied, config, certificates, .. } = state;
        if let Some(applied) = applied {
            add(Drifted::Config, config.check(&[&self.path], || self.config(applied)));
            if let (Some(tls), Some(files)) = (&self.tls, &applied.tls) {
                let paths = [Some(&files.cert), Some(&files.key), files.client_ca.as_ref()];
                let paths: Vec<&Path> = paths.into_iter().flatten().map(PathBuf::as_path).collect();
                let check = || match certificates::load(files, &self.clock) {
                    Ok(material) if tls.holds(&material) => None,
                    Ok(_) => Some(
                        "the certificates on disk are others than those in force: SIGHUP takes them"
                            .to_owned(),
                    ),
                    Err(error) => Some(format!(
                        "the certificates on disk can't be used, those before stay in force: {error:#}"
                    )),
                };
                add(Drifted::Certificates, certificates.check(&paths, check));
            }
        }
        if let Some(store) = &self.store {
            add(Drifted::Database, store.database());
            add(Drifted::Key, store.key());
        }
        add(
            Drifted::AdminSocket,
            self.admin.problem().map(|why| format!("commands don't find this daemon: {why}")),
        );
        let lost = (self.audit.failures() > 0)
            .then_some("the audit log lost entries since this daemon was started: they stand in its log");
        add(Drifted::AuditLog, lost.map(str::to_owned));
        found
    }

    fn config(&self, applied: &Config) -> Option<String> {
        let path = self.path.display();
        match (self.load)(&self.path) {
            Ok(new) if new.hash == applied.hash => None,
            Ok(new) => Some(match crate::config::changes(applied, &new) {
                Ok(_) => format!("the config {path} differs from the one that runs: SIGHUP takes it"),
                Err(why) => format!("the config {path} differs from the one that runs: {}", why.join("; ")),
            }),
            Err(error) => {
                // Its first mistake with its place; `check` tells them all.
                let told = format!("{error:#}").lines().take(2).collect::<Vec<_>>().join(": ");
                Some(format!("the config {path} is wrong now, and this daemon runs the one before: {told}"))
            }
        }
    }
}

/// Compares now and then, until the daemon stops.
pub(super) async fn watch(drift: Arc<Drift>, stop: CancellationToken) {
    loop {
        let compared = Arc::clone(&drift);
        drop(tokio::task::spawn_blocking(move || compared.compare()).await);
        tokio::select! {
            () = stop.cancelled() => return,
            () = drift.clock.sleep(CHECK_EVERY) => {}
        }
    }
}
