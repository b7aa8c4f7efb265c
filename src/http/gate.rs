//! What every request on `listen` passes: its time, who calls, its client's share, and a place among all requests.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    auth::{Caller, Client, Clients, Stays},
    authorize::is_authorize,
    body::{Unread, whole},
    error::ApiError,
    limits,
};
use crate::metrics::{Metrics, Rejection};

/// What every request passes. It is one layer, because each layer that axum boxes costs a request as much
/// as the verdict itself does.
pub(super) struct Gate {
    clients: Arc<Clients>,
    places: Semaphore,
    metrics: Arc<Metrics>,
}

/// Every request has its time.
pub(super) async fn pass(
    State(gate): State<Arc<Gate>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
    next: Next,
) -> Response {
    let for_a_proxy = is_authorize(request.uri().path());
    let answer = tokio::time::timeout(limits::REQUEST_TIMEOUT, gate.admit(request, &caller, next)).await;
    gate.seal(answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response()), for_a_proxy)
}

impl Gate {
    /// With every place free.
    pub(super) fn new(clients: Arc<Clients>, metrics: Arc<Metrics>) -> Self {
        Self { clients, places: Semaphore::new(limits::REQUESTS), metrics }
    }

    /// Lets in only who has a credential. What can't be answered in time is better told so at once: first its client's
    /// share is looked at, then its body is awaited, and only then it takes a place from the others.
    async fn admit(&self, mut request: Request, caller: &Caller, next: Next) -> Response {
        if is_authorize(request.uri().path()) {
            // It awaits no body, and looks at its client's share when it knows whose it is.
            let Some(_place) = self.place() else { return self.busy("too many requests at once") };
            return next.run(request).await;
        }
        let client = match self.identify(request.headers(), caller) {
            Ok(client) => client,
            Err(error) => return error.into_response(),
        };
        let share = Arc::clone(&client.share);
        let Some(_of_its_share) = share.request() else { return self.busy(TOO_MANY) };
        if *request.method() == Method::POST {
            let (head, body) = request.into_parts();
            let Some(awaited) = share.body() else { return self.busy(TOO_MANY) };
            let body = match whole(body).await {
                Ok(body) => body,
                Err(Unread::TooLarge) => return too_large(),
                Err(Unread::BrokeOff) => {
                    return ApiError::invalid_request("the body broke off").into_response();
                }
            };
            drop(awaited);
            request = Request::from_parts(head, body.into());
        }
        let Some(_place) = self.place() else { return self.busy("too many requests at once") };
        // Nothing behind this needs it, and what is not there can't leak.
        request.headers_mut().remove(header::AUTHORIZATION);
        request.extensions_mut().insert(client);
        next.run(request).await
    }

    /// Who calls, or what an unknown one is told.
    pub(super) fn identify(&self, headers: &HeaderMap, caller: &Caller) -> Result<Arc<Client>, ApiError> {
        self.clients.identify(headers, caller).map_err(|stays| match stays {
            Stays::Stranger => ApiError::bad_credential(),
            Stays::OneTooMany => self.too_many("this client has too many connections already"),
        })
    }

    /// Told to whoever is over a limit, and counted.
    pub(super) fn too_many(&self, what: &str) -> ApiError {
        self.metrics.rejected(Rejection::Busy);
        ApiError::busy(what)
    }

    fn busy(&self, what: &str) -> Response {
        self.too_many(what).into_response()
    }

    /// A place among all requests, held until it is answered.
    fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.try_acquire().ok()
    }

    /// Every answer leaves uncacheable, and every rejection is counted.
    pub(super) fn seal(&self, mut response: Response, for_a_proxy: bool) -> Response {
        let rejection = match response.status() {
            // That is a verdict.
            StatusCode::UNAUTHORIZED if for_a_proxy => None,
            StatusCode::UNAUTHORIZED => Some(Rejection::BadCredential),
            StatusCode::FORBIDDEN => Some(Rejection::Forbidden),
            StatusCode::PAYLOAD_TOO_LARGE => Some(Rejection::BodyTooLarge),
            StatusCode::REQUEST_TIMEOUT => Some(Rejection::Timeout),
            status if status.is_client_error() => Some(Rejection::Malformed),
            _ => None,
        };
        if let Some(rejection) = rejection {
            self.metrics.rejected(rejection);
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Also what a client of several processes is told, so that its owner knows whose load it is.
const TOO_MANY: &str = "this client has too many requests at once";

fn too_large() -> Response {
    let what = "the body is over 16 KiB: send a report in several parts";
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", what).into_response()
}
