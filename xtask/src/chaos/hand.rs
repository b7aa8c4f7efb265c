//! Commands, as people and bots give them: with an end to patience, for a daemon that is stopped never answers.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::run::{now_ms, pause};

/// Where commands are given: in a folder with a config, whose daemon runs or not.
#[derive(Clone, Debug)]
pub(super) struct Hand {
    pub(super) program: PathBuf,
    /// Words of a shell before the program; none: it is started itself.
    pub(super) shell: Option<&'static str>,
    pub(super) folder: PathBuf,
    pub(super) environment: Vec<(&'static str, OsString)>,
    pub(super) log: PathBuf,
}

pub(super) struct Said {
    /// None: it took too long, and was killed.
    pub(super) code: Option<i32>,
    pub(super) out: String,
}

impl Hand {
    pub(super) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(self.shell.map_or(&*self.program, |_| Path::new("sh")));
        if let Some(shell) = self.shell {
            command.args(["-c", shell]).arg(&self.program);
        }
        command.current_dir(&self.folder).env_remove("CROSSFADE_CONFIG").env_remove("CROSSFADE_LOG");
        // The machine's own would go before those of the profile.
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"] {
            command.env_remove(name);
        }
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .arg(verb)
            .stdin(Stdio::null());
        command
    }

    /// What came of it. What it says on stderr goes to the log; on stdout it may say a token.
    pub(super) fn give(&self, words: &[&str], input: Option<&str>, patience: Duration) -> Option<Said> {
        let mut command = self.command(words[0]);
        let mut out = tempfile::tempfile().ok()?;
        let log = OpenOptions::new().create(true).append(true).open(&self.log).ok()?;
        let mut marked = log.try_clone().ok()?;
        drop(writeln!(marked, "$ crossfade {}", words.join(" ")));
        command.args(&words[1..]).stdout(out.try_clone().ok()?).stderr(log);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().ok()?;
        if let Some((input, mut stdin)) = input.zip(child.stdin.take()) {
            drop(stdin.write_all(input.as_bytes()));
        }
        let began = now_ms();
        let code = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status.code(),
                Ok(None) if u128::from(now_ms() - began) < patience.as_millis() => {
                    pause(Duration::from_millis(10));
                }
                Ok(None) | Err(_) => {
                    drop(child.kill());
                    drop(child.wait());
                    break None;
                }
            }
        };
        Some(Said { code, out: text(&mut out) })
    }

    /// A config of its own, in its folder.
    pub(super) fn configure(&self, config: &str) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join("config.yaml"), config)
    }
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    drop(file.rewind().and_then(|()| file.read_to_string(&mut text)));
    text
}
