//! What becomes of a token that is presented for several audiences at once: the answer. `sets` decides.

use std::sync::Arc;

use crossfade_verify::{Entry, Moment, Reason, View};

/// A decision that several audiences made together.
#[derive(Clone, Debug)]
pub enum Decision {
    /// One of them accepts.
    Accepted(Box<Accepted>),
    /// All of them refuse.
    Refused(Reason),
    /// None accepts, and not all of them know enough to refuse.
    Unsure,
}

/// What an accepted token is.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The audience that accepts it.
    pub audience: Arc<str>,
    /// Its version and its bot.
    pub entry: Entry,
    /// Until when the acceptance may be relied on, unix ms on the wall clock: it is for others, who know no other one.
    pub expires_ms: u64,
    /// When its version was made, likewise.
    pub created_ms: u64,
    /// Whether it may be let in at once; if not, a younger view has to be asked for first.
    pub young: bool,
}

impl Accepted {
    pub(super) fn of(view: &View, grant: &crossfade_verify::Accepted<'_>, at: Moment) -> Self {
        Self {
            audience: Arc::from(view.set.audience()),
            entry: grant.entry.clone(),
            expires_ms: view.on_wall_ms(grant.expires_ms, at),
            created_ms: view.on_wall_ms(grant.entry.created_ms, at),
            young: view.is_young(at),
        }
    }
}
