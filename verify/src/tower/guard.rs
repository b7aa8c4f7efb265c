//! What a guarded service does with each request: it judges it, and lets it in or answers it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body::Body;

use super::{
    answer::{Answers, Errors},
    rest::Rest,
};
use crate::{
    gate::Need,
    grant::Grant,
    presented::presented,
    verifier::{Denial, Stopped, Verifier},
};

/// The guard's own answer, and what is left of the request.
pub(super) type Answered = (Response<Bytes>, Option<Rest>);

#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) verifier: Verifier,
    pub(super) headers: Vec<HeaderName>,
    pub(super) scopes: Vec<Arc<str>>,
    pub(super) errors: Errors,
    pub(super) answers: Answers,
}

impl Guard {
    fn token<'r>(&self, headers: &'r HeaderMap) -> Result<&'r [u8], Denial> {
        let authorizations = headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        let others = self.headers.iter().flat_map(|name| headers.get_all(name)).map(HeaderValue::as_bytes);
        presented(authorizations, others).map_err(Denial::Credential)
    }

    pub(super) fn judge(&self, headers: &HeaderMap) -> Result<Grant, Stopped> {
        let token = self.token(headers).inspect_err(|denial| self.verifier.denied(*denial));
        self.verifier.judge(token.map_err(Stopped::Denied)?, &self.scopes)
    }

    /// The same after one try to get a younger view.
    pub(super) async fn judge_again(&self, need: Need, headers: &HeaderMap) -> Result<Grant, Denial> {
        self.verifier.refreshed(need, self.token(headers)?, &self.scopes).await
    }

    pub(super) fn answer<B: Body + Send + 'static>(&self, denial: Denial, request: Request<B>) -> Answered {
        (self.answers.to(denial), Rest::of(&self.verifier, request))
    }

    /// Who calls goes on; what opens doors does not.
    pub(super) fn admit<B>(&self, request: &mut Request<B>, grant: Grant) {
        let headers = request.headers_mut();
        headers.remove(header::AUTHORIZATION);
        for name in &self.headers {
            headers.remove(name);
        }
        request.extensions_mut().insert(grant);
    }
}
