//! A folder for all temporary files of a command, inside the checkout: it is removed at the end, so that nothing is left
//! on the machine, whichever program wrote it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command, ExitStatus},
};

use anyhow::{Context as _, Result};

use crate::tools;

/// Set for the command that runs in such a folder.
const INSIDE: &str = "CROSSFADE_SCRATCH";

/// A socket's path may have 107 bytes (unix(7)), of which the tests' own folders need about 60.
const LONGEST: usize = 48;

/// Runs this command once more, with the same arguments, where temporary files and npm's cache lie in the checkout. None:
/// this process is that one.
pub(crate) fn again() -> Result<Option<ExitStatus>> {
    #[expect(clippy::disallowed_methods, reason = "developer commands have no `cli::context`")]
    if std::env::var_os(INSIDE).is_some() {
        return Ok(None);
    }
    let all = tools::target().join("scratch");
    sweep(&all);
    let folder = all.join(process::id().to_string());
    fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let (temporary, _elsewhere) = if folder.as_os_str().len() <= LONGEST {
        (folder.clone(), None)
    } else {
        // It ends with this process too.
        let elsewhere = tempfile::tempdir().context("no folder can be made")?;
        (elsewhere.path().to_owned(), Some(elsewhere))
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1)).env(INSIDE, &folder).env("TMPDIR", temporary);
    command.env("npm_config_cache", tools::folder().join("npm-cache"));
    let status = command.status().context("this command can't be started once more");
    drop(fs::remove_dir_all(&folder));
    status.map(Some)
}

/// Removes what an earlier command left when it was killed.
fn sweep(all: &Path) {
    for folder in fs::read_dir(all).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let process = folder.file_name().map(|name| Path::new("/proc").join(name));
        if !process.as_deref().is_some_and(Path::exists) {
            drop(fs::remove_dir_all::<PathBuf>(folder));
        }
    }
}
