//! What people read.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::OnceLock,
    time::Duration,
};

use super::exit::{Exit, USAGE, UsageError};
use crate::{
    clock::{Clock as _, SystemClock},
    http::operator::{OrderError, SecretStatus, VerifierStatus},
    time::Timestamp,
};

/// A line that is not the answer: to stderr.
pub(super) fn note(text: &str) {
    drop(writeln!(anstream::stderr(), "{text}"));
}

/// Why an answer could not be written, the first time. A process has one stdout, and so one of these. It is looked at
/// when the command has ended: what was ordered is carried out whole, whoever can read of it. A standard output that was
/// closed is none of these: Rust's runtime puts /dev/null in its place before `main`, opened as Python and Node.js open it
/// for whoever wants no answer, so the two can't be told apart.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// The answer: to stdout. Once a part of it could not be written, nothing more is: it would be taken for the whole.
pub(super) fn say(text: &str) {
    if UNWRITTEN.get().is_none() {
        let mut stdout = anstream::stdout();
        keep(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
    }
}

/// Remembers whether an answer could be written.
pub(super) fn keep(written: io::Result<()>) {
    if let Err(error) = written {
        drop(UNWRITTEN.set(error));
    }
}

/// Whether answers can still be written.
pub(super) fn can_say() -> bool {
    UNWRITTEN.get().is_none()
}

/// How a command ended, with what became of its answer. A full disk is an error. A reader that has gone away is none,
/// but where the answer is all that the command is for.
pub(super) fn ended(exit: Exit, is_its_answer: bool) -> Exit {
    let Some(error) = UNWRITTEN.get() else { return exit };
    let reader_has_gone = error.kind() == io::ErrorKind::BrokenPipe;
    if !reader_has_gone {
        note(&format!("error: the answer could not be written\n  because: {error}"));
    }
    match exit {
        Exit::Done if is_its_answer || !reader_has_gone => Exit::Failed,
        exit => exit,
    }
}

/// What failed and why, to stderr, and the exit code that goes with it.
pub(super) fn fail(error: &anyhow::Error) -> ExitCode {
    fail_to(&mut anstream::stderr(), error)
}

/// The same, to wherever the last words go.
pub(super) fn fail_to(out: &mut impl Write, error: &anyhow::Error) -> ExitCode {
    drop(out.write_all(format!("error: {}\n", causes(error)).as_bytes()));
    if error.downcast_ref::<UsageError>().is_some() {
        return ExitCode::from(USAGE);
    }
    ExitCode::from(exit_of(error).code())
}

/// What failed for one secret of several, and how the command ends if nothing worse happens.
pub(super) fn failed(secret: &str, error: &anyhow::Error) -> Exit {
    let causes = causes(error);
    let named = causes.starts_with(&format!("{secret}:"));
    note(&if named { format!("error: {causes}") } else { format!("error: {secret}: {causes}") });
    exit_of(error)
}

/// Each cause once.
fn causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str("\n  because: ");
            text.push_str(&cause);
        }
    }
    text
}

fn exit_of(error: &anyhow::Error) -> Exit {
    match error.downcast_ref() {
        Some(OrderError::Unknown(_)) => Exit::Unknown,
        _ => Exit::Failed,
    }
}

/// `1 secret`, `2 secrets`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `3 h 12 min`: two units at most, the way people say it.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(size, _)| seconds >= *size) else { return "0 s".to_owned() };
    let (size, unit) = units[first];
    let mut text = format!("{} {unit}", seconds / size);
    if let Some((smaller, unit)) = units.get(first + 1).filter(|(smaller, _)| seconds % size >= *smaller) {
        text.push_str(&format!(" {} {unit}", seconds % size / smaller));
    }
    text
}

/// `in 3 h 12 min` or `5 s ago`.
pub(super) fn relative(at_ms: u64, now_ms: u64) -> String {
    if at_ms >= now_ms {
        format!("in {}", span(Duration::from_millis(at_ms - now_ms)))
    } else {
        format!("{} ago", span(Duration::from_millis(now_ms - at_ms)))
    }
}

/// A time of the store's on this machine's wall clock, which is the reader's.
pub(super) fn on_wall(at_ms: u64, now_ms: u64) -> Timestamp {
    let wall = Timestamp::from_millis(SystemClock.moment().wall_ms);
    let [at, now] = [at_ms, now_ms].map(Timestamp::from_millis);
    if at < now { wall - now.since(at) } else { wall + at.since(now) }
}

/// When a secret is rotated next: the moment where it is known, else its schedule.
pub(super) fn next_slot(secret: &SecretStatus) -> String {
    match (secret.next_slot_ms, &secret.schedule) {
        (Some(slot), _) => relative(slot, secret.now_ms.unwrap_or_default()),
        (None, Some(schedule)) => schedule.clone(),
        (None, None) => "by hand".to_owned(),
    }
}

/// A verifier that is not up to date.
pub(super) fn late(verifier: &VerifierStatus) -> String {
    let VerifierStatus { verifier: name, state, silent_ms, confirmed, may_accept_ms } = verifier;
    let silent = span(Duration::from_millis(*silent_ms));
    let may = match *may_accept_ms {
        _ if *confirmed => String::new(),
        0 => "; accepts nothing that we gave it".to_owned(),
        left => format!("; may accept what was ended for another {}", span(Duration::from_millis(left))),
    };
    format!("{state}: {name}, heard of {silent} ago{may}")
}

/// What is being waited for: one line that changes on a terminal, a plain line for each phase else.
pub(super) struct Progress {
    bar: Option<indicatif::ProgressBar>,
    last: std::cell::RefCell<String>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let bar = terminal.then(indicatif::ProgressBar::new_spinner);
        Self { bar, last: std::cell::RefCell::default() }
    }

    /// Shows it; where nobody watches, only when more than a number has changed.
    pub(super) fn show(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
            bar.tick();
            return;
        }
        let kind = text.replace(|c: char| c.is_ascii_digit(), "");
        if *self.last.borrow() != kind {
            note(text);
            *self.last.borrow_mut() = kind;
        }
    }

    /// Leaves the last word.
    pub(super) fn done(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        say(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_two_units_at_most() {
        for (seconds, said) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_725, "1 h 2 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), said);
        }
    }
}
