//! Input: a config file.

use std::{path::Path, str};

use crossfade::config::Config;

/// What stands in every variable.
const KEPT: &str = "what-a-variable-holds";

/// A file is taken whole or not at all; a refusal says why, and never what a variable holds.
pub(crate) fn hold(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let variables = |_: &str| Some(KEPT.to_owned());
    let read = || Config::parse(text, Path::new("/etc/crossfade"), &variables);
    match read() {
        Ok(config) => assert_eq!(read().map(|again| again.hash).ok(), Some(config.hash), "read in two ways"),
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused, and nobody knows why");
            for mistake in mistakes {
                let said = format!("{mistake:?}");
                assert!(!said.contains(KEPT) || text.contains(KEPT), "{said}");
            }
        }
    }
}
