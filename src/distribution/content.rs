//! What an audience accepts, as it is sent: written once, for all who ask.

use std::sync::{Arc, OnceLock};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use crossfade_verify::{AcceptSet, Moment, View};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::state::ViewTime;

/// A view, and what of it is sent.
#[derive(Debug)]
pub struct Publication {
    /// The accept set and its place in time.
    pub view: View,
    /// The accept set alone, which most reads of the store leave as it was.
    pub content: Arc<Content>,
}

/// The content of an accept set. It stays the same one while nothing in the set changes.
#[derive(Debug)]
pub struct Content {
    /// Grows from content to content, in this process.
    pub serial: u64,
    /// The serial of the newest content that took away what the one before it accepted; 0: none did.
    pub narrowed: u64,
    /// When it was published.
    pub since: Moment,
    /// Cancelled once another content has taken its place, or none.
    pub replaced: CancellationToken,
    text: OnceLock<Text>,
}

/// An accept set as it is sent.
#[derive(Clone, Debug)]
pub struct Text {
    /// The bytes.
    pub json: Bytes,
    /// Their hash, in quotes (RFC 9110, section 8.8.3): the same on every replica.
    pub etag: Bytes,
}

/// A later read that seems to be earlier by more than that is one after the store's clock was set.
const QUICKER_MS: u64 = 5_000;

impl Publication {
    /// What follows the one `before`, now that this is the view of the audience. The serial is for a
    /// content that is new.
    pub(super) fn new(view: View, before: Option<&Self>, serial: u64, at: Moment) -> Self {
        let view = match before {
            Some(before) => not_before(&before.view, view),
            None => view,
        };
        let narrowed = match before {
            Some(before) if same(&before.view.set, &view.set) => {
                return Self { view, content: before.content.still() };
            }
            Some(before) if takes_away(&before.view, &view, at) => serial,
            Some(before) => before.content.narrowed,
            None => 0,
        };
        let (replaced, text) = (CancellationToken::new(), OnceLock::new());
        Self { view, content: Arc::new(Content { serial, narrowed, since: at, replaced, text }) }
    }

    /// The same at another place in time.
    pub(super) fn at(&self, place: ViewTime) -> Self {
        let ViewTime { taken, now_ms, age_ms, complete } = place;
        let view = View { set: self.view.set.clone(), now_ms, age_ms, taken, complete };
        let view = not_before(&self.view, view);
        Self { view, content: Arc::clone(&self.content) }
    }

    /// The accept set as it is sent, made when somebody asks for it first.
    pub fn text(&self) -> &Text {
        self.content.text.get_or_init(|| {
            let json = Bytes::from(self.view.set.to_json());
            let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&json));
            Text { json, etag: format!("\"{hash}\"").into() }
        })
    }
}

impl Content {
    /// What counts again, after it was said that it does not.
    fn still(self: &Arc<Self>) -> Arc<Self> {
        if !self.replaced.is_cancelled() {
            return Arc::clone(self);
        }
        let Self { serial, narrowed, since, ref text, .. } = **self;
        Arc::new(Self { serial, narrowed, since, replaced: CancellationToken::new(), text: text.clone() })
    }
}

/// The view, placed in time no earlier than the one before, which was read earlier. Where the store's time has whole
/// seconds, it seems to be earlier when its answer was quicker, and verifiers would drop it. Its age stays as it is, and
/// the store's time becomes no later than the view before says it is.
fn not_before(before: &View, mut view: View) -> View {
    let short_of = before.now_ms.saturating_sub(view.now_ms);
    if view.taken.boot_ms >= before.taken.boot_ms && short_of <= QUICKER_MS {
        view.now_ms += short_of;
    }
    view
}

fn same(one: &AcceptSet, other: &AcceptSet) -> bool {
    let bounds = |set: &AcceptSet| (set.freshness_ms(), set.hold_ms());
    bounds(one) == bounds(other) && one.entries() == other.entries()
}

/// Whether a token that the old view accepts is not in the new one: it was ended, and did not come to its
/// deadline.
fn takes_away(old: &View, new: &View, at: Moment) -> bool {
    let now = old.now_ms(at);
    let mut accepted =
        old.set.entries().iter().filter(|entry| entry.not_after_ms.is_none_or(|end| now < end));
    accepted.any(|entry| new.set.find(&entry.digest).is_none())
}
