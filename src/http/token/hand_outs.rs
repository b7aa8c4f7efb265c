//! How many hand-outs may be in the making, in all and of each client.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use super::super::limits;
use crate::lock::lock;

/// Hand-outs in the making, by client. The map holds no more clients than hand-outs, and those are bounded.
#[derive(Debug, Default)]
pub(super) struct HandOuts(Mutex<HashMap<Arc<str>, usize>>);

/// The place of one hand-out. It goes with whatever the request has started, and comes back when that is over, whether
/// or not the request's connection is still there.
#[derive(Debug)]
pub(super) struct HandOut {
    among: Arc<HandOuts>,
    client: Arc<str>,
}

impl HandOuts {
    /// A place; none: the client has its share already, or all places are taken.
    pub(super) fn begin(self: &Arc<Self>, client: &Arc<str>) -> Option<HandOut> {
        let mut taken = lock(&self.0);
        let all: usize = taken.values().sum();
        let of_client = taken.get(client).copied().unwrap_or_default();
        if all >= limits::HAND_OUTS || of_client >= limits::HAND_OUTS_OF_A_CLIENT {
            return None;
        }
        taken.insert(Arc::clone(client), of_client + 1);
        Some(HandOut { among: Arc::clone(self), client: Arc::clone(client) })
    }
}

impl Drop for HandOut {
    fn drop(&mut self) {
        let mut taken = lock(&self.among.0);
        if let Some(count) = taken.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_share_and_all_have_no_more_than_all_places() {
        let hand_outs = Arc::<HandOuts>::default();
        let begin = |client: &str| hand_outs.begin(&client.into());
        let one: Vec<HandOut> = std::iter::from_fn(|| begin("one")).collect();
        assert_eq!(one.len(), limits::HAND_OUTS_OF_A_CLIENT);
        let other: Vec<HandOut> = std::iter::from_fn(|| begin("other")).collect();
        assert_eq!(one.len() + other.len(), limits::HAND_OUTS, "the other one has its own");
        assert!(begin("a third").is_none());
        drop(one);
        assert!(begin("a third").is_some(), "places come back");
        drop(other);
        assert!(lock(&hand_outs.0).is_empty(), "and nothing is kept of who had them");
    }
}
