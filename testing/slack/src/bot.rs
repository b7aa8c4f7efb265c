//! The bot's Lambda handler in a process that lives on between events, one event at a time, as Lambda runs it. Not for
//! production: of Lambda's runtime there is a handler, its event and its answer, and nothing else.

use std::{
    ffi::OsString,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crossfade_testing_fleet::servers::root;
use serde_json::{Value, json};

use crate::{SIGNING_SECRET, mention::Mention};

/// The bot in a language.
#[derive(Clone, Debug)]
pub struct Kind {
    pub language: &'static str,
    program: OsString,
    runtime: &'static str,
    handler: OsString,
}

impl Kind {
    /// The script that `npm run build` made.
    pub fn typescript(script: OsString) -> Self {
        Self { language: "typescript", program: "node".into(), runtime: "lambda.mjs", handler: script }
    }

    /// A Python that has what `examples/slack-bot/python/requirements.txt` names.
    pub fn python(program: OsString) -> Self {
        let handler = root().join("examples/slack-bot/python/bot.py").into_os_string();
        Self { language: "python", program, runtime: "lambda.py", handler }
    }
}

/// Where the token stands in the requests to the MCP server.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Header {
    Authorization,
    McpAccessToken,
}

impl Header {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::McpAccessToken => "mcp-access-token",
        }
    }
}

/// A running bot; killed when it is dropped.
#[derive(Debug)]
pub struct Bot {
    pub language: &'static str,
    child: Child,
    events: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: Arc<Mutex<String>>,
}

impl Bot {
    /// One that is ready; else what it said.
    pub fn start(kind: &Kind, environment: &[(&'static str, String)]) -> io::Result<Self> {
        let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind.runtime);
        let mut child = Command::new(&kind.program)
            .arg(runtime)
            .arg(&kind.handler)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = Arc::<Mutex<String>>::default();
        let missing = || io::Error::other("a pipe is missing");
        let (mut stderr, into) = (child.stderr.take().ok_or_else(missing)?, Arc::clone(&log));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut bytes) {
                into.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        let (events, stdout) = (child.stdin.take(), child.stdout.take());
        let (events, answers) = (events.ok_or_else(missing)?, BufReader::new(stdout.ok_or_else(missing)?));
        let mut bot = Self { language: kind.language, child, events, answers, log };
        bot.line()?;
        Ok(bot)
    }

    /// Delivers the mention, and waits for the handler's end: the answer's status.
    pub fn deliver(&mut self, mention: &Mention) -> io::Result<u64> {
        self.deliver_signed(mention, SIGNING_SECRET)
    }

    /// The same, signed with that.
    pub fn deliver_signed(&mut self, mention: &Mention, secret: &str) -> io::Result<u64> {
        writeln!(self.events, "{}", mention.event(secret))?;
        self.events.flush()?;
        let answer = self.line()?;
        answer["statusCode"].as_u64().ok_or_else(|| self.failed(&answer.to_string()))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn line(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer = serde_json::from_str(&line).unwrap_or(json!(null));
        if answer.is_object() { Ok(answer) } else { Err(self.failed(&line)) }
    }

    fn failed(&mut self, said: &str) -> io::Error {
        // What it has to say of its end takes a moment to arrive.
        let _ = self.child.kill();
        let _ = self.child.wait();
        thread::sleep(std::time::Duration::from_millis(200));
        io::Error::other(format!("the bot in {} failed: {said}\n{}", self.language, self.log()))
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
