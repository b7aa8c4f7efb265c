//! All that a verifier needs for one audience: digests, stages, deadlines. Never a token.
//!
//! A set replaces the one before as a whole, so there is deliberately no way to add to one or to take
//! from it. It holds no age either: that is a [`View`](crate::View).

mod entry;
mod error;
mod index;
mod read;
mod set;
mod write;

pub use entry::{Entry, Stage};
pub use error::SetError;
pub(crate) use index::Terms;
pub use set::AcceptSet;
#[cfg(feature = "http")]
pub(crate) use write::Text;

impl AcceptSet {
    /// Reads a set as the daemon sends it. Unknown keys are tolerated, so that later versions can add some.
    ///
    /// # Errors
    ///
    /// The whole set is rejected for any fault in it; see [`SetError`]. Keep the last good one.
    pub fn parse(json: &[u8], expected_audience: &str) -> Result<Self, SetError> {
        read::accept_set(json, expected_audience)
    }

    /// Writes the set as the daemon sends it, always in the same bytes: no white space, keys in the
    /// documented order, entries sorted by digest, strings escaped as RFC 8785 (section 3.2.2.2) says.
    pub fn to_json(&self) -> String {
        write::accept_set(self)
    }
}

#[cfg(test)]
mod tests;
