//! One store, and everything that lives on it.

use std::{
    ops::Range,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use crossfade_testing_fleet::{AUDIENCE, BOT_SHA256, VERIFIER_SHA256, link::Link, replay::Replay};

use super::{
    daemon::Daemon,
    dice::Dice,
    disk::Disk,
    hand::Hand,
    ledger::{Ledger, Standing},
    post::Post,
    promise::Terms,
};

/// Secrets that are rotated at a time.
const ACTIVE: usize = 3;

pub(super) struct Side {
    pub(super) store: &'static str,
    pub(super) terms: Terms,
    /// Names, in the order in which they are rotated.
    pub(super) secrets: Vec<String>,
    /// The first of those that are rotated now.
    first: AtomicUsize,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) posts: Vec<Post>,
    pub(super) links: Vec<Link>,
    pub(super) _replay: Option<Replay>,
    pub(super) daemons: Vec<Daemon>,
    /// Of a person with no daemon: works on the store itself.
    pub(super) by_hand: Hand,
    /// Unmounted last.
    pub(super) disk: Option<Disk>,
}

/// A side as it is put together.
pub(super) struct Parts {
    pub(super) posts: Vec<Post>,
    pub(super) links: Vec<Link>,
    pub(super) replay: Option<Replay>,
    pub(super) daemons: Vec<Daemon>,
    pub(super) by_hand: Hand,
    pub(super) disk: Option<Disk>,
}

/// A token that nobody may accept any more.
pub(super) struct Overdue {
    pub(super) secret: String,
    pub(super) version: String,
    pub(super) token: String,
}

impl Side {
    pub(super) fn new(store: &'static str, terms: Terms, secrets: Vec<String>, parts: Parts) -> Self {
        let Parts { posts, links, replay, daemons, by_hand, disk } = parts;
        let (first, ledger) = (AtomicUsize::new(0), Mutex::new(Ledger::default()));
        Self { store, terms, secrets, first, ledger, posts, links, _replay: replay, daemons, by_hand, disk }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secrets that are rotated now.
    pub(super) fn active(&self) -> &[String] {
        let first = self.first.load(Relaxed).min(self.secrets.len().saturating_sub(1));
        &self.secrets[first..(first + ACTIVE).min(self.secrets.len())]
    }

    /// All that were rotated so far.
    pub(super) fn used(&self) -> &[String] {
        &self.secrets[..(self.first.load(Relaxed) + ACTIVE).min(self.secrets.len())]
    }

    pub(super) fn active_one(&self, number: usize) -> &str {
        let active = self.active();
        &active[number % active.len()]
    }

    /// The oldest one has no room for more versions: on to the next, while there is one.
    pub(super) fn retire_first(&self, full: impl Fn(&str) -> bool) {
        let first = self.first.load(Relaxed);
        if first + ACTIVE < self.secrets.len() && full(&self.secrets[first]) {
            self.first.store(first + 1, Relaxed);
        }
    }

    /// The newest of the tokens that are surely over, and an older one.
    pub(super) fn overdue(&self, now_ms: u64, dice: &mut Dice) -> Vec<Overdue> {
        let ledger = self.ledger();
        let mut all: Vec<(u64, &String, &String)> = Vec::new();
        for (version, fate) in &ledger.fates {
            let over = match fate.standings.last() {
                Some((since, Standing::Until(deadline))) => (*deadline).max(since + self.terms.last_word()),
                Some((since, Standing::Over)) => since + self.terms.last_word(),
                Some((_, Standing::Open)) | None => continue,
            };
            all.extend(fate.token.as_ref().filter(|_| over <= now_ms).map(|token| (over, version, token)));
        }
        all.sort_unstable();
        let mut chosen: Vec<_> = all.iter().rev().take(3).collect();
        if all.len() > 3 {
            chosen.push(&all[dice.below(all.len() - 3)]);
        }
        let overdue = |(_, version, token): &(u64, &String, &String)| Overdue {
            secret: ledger.fates[*version].secret.clone(),
            version: (*version).clone(),
            token: (*token).clone(),
        };
        chosen.into_iter().map(overdue).collect()
    }

    /// The lines of a config that are the same on each replica, and those of its own.
    pub(super) fn config(
        (store, terms, secrets): (&str, Terms, &[(String, String)]),
        (listen, metrics): (u16, u16),
    ) -> String {
        let Terms { grace, freshness, hold, .. } = terms;
        let names: Vec<&str> = secrets.iter().map(|(name, _)| name.as_str()).collect();
        let lines: String = secrets
            .iter()
            .map(|(name, more)| {
                format!("  - {{name: {name}, client_id: slack-bot, audience: \"{AUDIENCE}\", grace: {grace}ms{more}}}\n")
            })
            .collect();
        format!(
            "listen: 127.0.0.1:{listen}
metrics_listen: 127.0.0.1:{metrics}
store: {store}
sync: {}ms
freshness: {freshness}ms
hold: {hold}ms
secrets:
{lines}clients:
  - {{id: slack-mcp-server, role: verifier, audiences: [\"{AUDIENCE}\"], credential_sha256: {VERIFIER_SHA256}}}
  - {{id: slack-bot-host, role: bot, secrets: [{}], credential_sha256: {BOT_SHA256}}}
",
            freshness / 3,
            names.join(", "),
        )
    }
}

/// Names of so many secrets.
pub(super) fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("mcp/bot-{n}")).collect()
}

/// The order in which a server tries the daemons: each begins with another one.
pub(super) fn feeds(ports: &[u16], begin: usize) -> Vec<String> {
    let turns: Range<usize> = 0..ports.len();
    turns.map(|n| format!("http://127.0.0.1:{}", ports[(begin + n) % ports.len()])).collect()
}

/// The folder of a process.
pub(super) fn hand(program: &Path, folder: &Path, log: &Path) -> Hand {
    Hand {
        program: program.to_owned(),
        shell: None,
        folder: folder.to_owned(),
        environment: Vec::new(),
        log: log.to_owned(),
    }
}
