//! How often the log tells of reads that went wrong.

use crossfade_verify::Moment;

use crate::quiet::Quiet;

/// Lines about reads of one secret that went wrong. Callers can have it read once a second, and not more often
/// (`REFRESH_COOL_DOWN`): a store that is out of order must not let them fill the log. The last message stands in `status`
/// all the while.
#[derive(Debug, Default)]
pub(super) struct Lines(Quiet);

impl Lines {
    /// A read at that moment showed nothing, or not all.
    pub(super) fn went_wrong(&self, secret: &str, at: Moment, message: &str) {
        if let Some(left_out) = self.0.may_write(at.boot_ms) {
            tracing::warn!(%secret, "{message}{left_out}");
        }
    }
}
