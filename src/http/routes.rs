//! What a listener answers.

use std::sync::Arc;

use axum::Router;
use hyper::{Method, Request};

use super::accept_set::{ACCEPT_SET, Feed};

/// Routes, and beside them requests that are held until there is news.
#[derive(Clone)]
pub struct Routes {
    /// All that is answered at once.
    pub router: Router,
    pub(super) feed: Option<Arc<Feed>>,
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self { router, feed: None }
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

impl Routes {
    /// Who answers this, where it is a request that is held.
    pub(super) fn feed<B>(&self, request: &Request<B>) -> Option<&Arc<Feed>> {
        let waits =
            request.uri().path() == ACCEPT_SET && [Method::GET, Method::HEAD].contains(request.method());
        self.feed.as_ref().filter(|_| waits)
    }
}
