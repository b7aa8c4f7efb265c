//! The log on standard error; then the chain holds within one process.

use std::io::{self, Write};

use super::{chain::Link, event::Event, writer::Pages};
use crate::time::Timestamp;

/// Whoever reads it can stop reading: so nobody but the log's own thread ever writes it.
#[derive(Default)]
pub(super) struct Printer(Link);

impl Pages for Printer {
    /// Not by `eprintln!`: that panics where standard error is closed, and the thread has to go on.
    fn append(&mut self, entries: &[(Timestamp, Event)]) -> io::Result<()> {
        let mut link = self.0.clone();
        let mut text = String::new();
        for (now, event) in entries {
            text += &link.append(*now, event)?;
        }
        io::stderr().lock().write_all(text.as_bytes())?;
        self.0 = link;
        Ok(())
    }
}
