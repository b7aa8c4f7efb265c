//! What a listener answers.

use std::{future::Future, sync::Arc};

use axum::{Router, response::Response};
use hyper::{Request, body::Incoming, service::Service as _};
use hyper_util::service::TowerToHyperService;

use super::{
    api::{Answer, Api},
    auth::Caller,
};

/// Either is shared by all connections.
#[derive(Clone, Debug)]
pub enum Routes {
    /// Of `listen`.
    Api(Arc<Api>),
    /// Of the others, where nothing is held and requests are few.
    Router(Router),
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self::Router(router)
    }
}

impl Routes {
    /// Answers a request.
    pub(super) fn answer(
        &self,
        mut request: Request<Incoming>,
        caller: &Arc<Caller>,
    ) -> Answer<impl Future<Output = Response> + Send + use<>> {
        match self {
            Self::Api(api) => api.answer(request, caller),
            Self::Router(router) => {
                request.extensions_mut().insert(Arc::clone(caller));
                let answer = TowerToHyperService::new(router.clone()).call(request);
                Answer::Immediate(Box::pin(async { answer.await.unwrap_or_else(|never| match never {}) }))
            }
        }
    }
}
