//! The audit log: who did what to which version, as JSON lines that are numbered and chained by
//! hash, each on the disk before whoever waits for it goes on.
//!
//! A thread of its own writes it, group by group (`writer`). Steps, orders and people have a queue before it that no
//! caller can fill, and no other thread ever waits for the disk (`waiting`).
//!
//! It observes. A log that fails is loud, and stops neither a rotation nor an end. No token type
//! enters here. Several processes (the daemon and commands) write one log: each entry is appended
//! under an exclusive lock, after a look at the last line.
//!
//! The chain shows that something *within* it was changed. Whoever can write the file can also cut
//! its end off, or write a whole new chain: against that, keep [`Summary::last_hash`] elsewhere.

mod chain;
mod event;
mod file;
mod log;
mod lost;
mod printer;
mod verify;
mod waiting;
mod writer;

pub use event::{Action, Event, Outcome};
pub use log::{AuditError, AuditLog, Target, Unwritten};
pub use verify::{ChainError, End, Summary, verify};
