//! What has to hold once nothing is injected any more.

use std::{collections::HashSet, fs, path::Path, time::Duration};

use crossfade_testing_secretsmanager::Fake;
use serde_json::Value;

use super::{
    post::Verdict,
    run::{Run, now_ms, pause},
    side::Side,
};

/// How long everything may take to come to rest; long, for a slow machine.
const PATIENCE_MS: u64 = 90_000;

/// People put right what they did: no secret is left on hold.
pub(super) fn put_right(side: &Side, fake: Option<&Fake>) {
    for secret in side.used() {
        if let Some(pending) = fake.and_then(|fake| fake.secret(secret)?.labels().get("AWSPENDING").cloned())
        {
            let foreign = pending.contains("-0000-4000-9000-");
            if let Some(fake) = fake.filter(|_| foreign) {
                drop(fake.person().label(secret, "AWSPENDING", None, Some(&pending)));
            }
        }
        drop(side.by_hand.give(&["resume", secret], None, Duration::from_secs(20)));
    }
}

/// Waits until no pending version is left that nobody takes back, and every verifier lets every bot in again.
pub(super) fn come_to_rest(run: &Run, side: &Side, fake: Option<&Fake>) {
    let began = now_ms();
    let mut left = side.used().to_vec();
    let mut deaf = Vec::new();
    while now_ms() - began < PATIENCE_MS {
        left.retain(|secret| has_pending(side, fake, secret));
        deaf = shut_out(side);
        if left.is_empty() && deaf.is_empty() {
            return;
        }
        pause(Duration::from_millis(500));
    }
    run.score.store(side.store, |tally| tally.orphans += left.len() as u64);
    for secret in left {
        println!("ORPHAN: {} {secret}: its pending version is neither promoted nor taken back", side.store);
        if let Some(secret) = fake.and_then(|fake| fake.secret(&secret)) {
            println!("{:#?}", secret.labels());
        }
    }
    for who in deaf {
        run.score.broken(format!("{who} never lets a bot in again"));
    }
}

fn has_pending(side: &Side, fake: Option<&Fake>, secret: &str) -> bool {
    if let Some(secret) = fake.and_then(|fake| fake.secret(secret)) {
        let labels = secret.labels();
        return labels.get("AWSPENDING").is_some_and(|on| labels.get("AWSCURRENT") != Some(on));
    }
    status(side, secret).is_none_or(|status| {
        let versions = status["versions"].as_array().cloned().unwrap_or_default();
        // One that a schedule has made in the meantime is no orphan.
        let now = status["now_ms"].as_u64().unwrap_or_default();
        let old = |version: &Value| version["created_ms"].as_u64().unwrap_or_default() + 10_000 < now;
        versions.iter().any(|version| version["stage"] == "pending" && old(version))
    })
}

fn status(side: &Side, secret: &str) -> Option<Value> {
    let said = side.by_hand.give(&["status", secret, "-o", "json"], None, Duration::from_secs(10))?;
    let all: Value = serde_json::from_str(&said.out).ok()?;
    Some(all[0].clone())
}

/// Verifiers that do not let somebody in who has just read the token.
fn shut_out(side: &Side) -> Vec<String> {
    let secret = side.active_one(0);
    let said = side.by_hand.give(&["token", secret], None, Duration::from_secs(10));
    let Some(token) = said.filter(|said| said.code == Some(0)).map(|said| said.out.trim().to_owned()) else {
        return vec![format!("{}: no token can be read: {secret}", side.store)];
    };
    let deaf = side.posts.iter().filter(|post| post.ask("Authorization", &token) != Verdict::Accepted);
    deaf.map(|post| format!("{} {}", post.store, post.language)).collect()
}

/// Searches what was said for tokens: none may be in it.
pub(super) fn search(run: &Run, side: &Side) {
    const PART: usize = 24;
    let ledger = side.ledger();
    let tokens = ledger.fates.values().filter_map(|fate| fate.token.as_deref());
    // The middle of each, so that no prefix or checksum hides it.
    let parts: HashSet<&[u8]> = tokens.filter_map(|token| token.as_bytes().get(6..6 + PART)).collect();
    let files = fs::read_dir(&run.logs).into_iter().flatten().flatten();
    for path in files.map(|file| file.path()) {
        if bears(&path, &parts, PART) {
            run.score.broken(format!("a token stands in {}", path.display()));
        }
    }
}

fn bears(path: &Path, parts: &HashSet<&[u8]>, length: usize) -> bool {
    let text = fs::read(path).unwrap_or_default();
    text.windows(length).any(|window| parts.contains(window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_log_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        fs::write(&log, "a line\nmcp_0123456789abcdefghijklmnopqrstuvwxyz\n").expect("a write");
        let part = |text: &'static str| HashSet::from([text.as_bytes()]);
        assert!(bears(&log, &part("23456789abcdefghijklmnop"), 24));
        assert!(!bears(&log, &part("x3456789abcdefghijklmnop"), 24));
    }
}
