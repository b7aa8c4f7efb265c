//! What every request on `listen` passes: who calls, its client's share, and a place among all requests.

use std::sync::Arc;

use axum::{
    BoxError,
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use hyper::body::Body;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    auth::{Caller, Client, Clients, Role},
    body::{Unread, whole},
    error::ApiError,
    limits,
};
use crate::{
    clock::Clock,
    metrics::{Metrics, Rejection},
    quiet::Quiet,
};

/// Lets in whoever has a credential, and of those as many as can be answered in time.
#[derive(Debug)]
pub(super) struct Gate {
    clients: Arc<Clients>,
    places: Semaphore,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// Lines about proxies that are not set up: anybody who reaches `listen` can cause them. All of them are counted.
    not_set_up: Quiet,
}

/// A request's place in its client's share, and its place among all requests, until it is answered.
type Places<'a> = [SemaphorePermit<'a>; 2];

impl Gate {
    /// With every place free.
    pub(super) fn new(clients: Arc<Clients>, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let not_set_up = Quiet::new(limits::LINES, limits::LINES_EVERY);
        Self { clients, places: Semaphore::new(limits::REQUESTS), metrics, clock, not_set_up }
    }

    /// Who calls, by certificate or by `Authorization`.
    pub(super) fn identify(&self, headers: &HeaderMap, caller: &Caller) -> Result<Arc<Client>, ApiError> {
        let certified = self.clients.by_certificate(caller.certificate.as_ref());
        let client = certified.or_else(|| self.clients.authenticate(headers));
        self.known(caller, client.ok_or_else(ApiError::bad_credential)?)
    }

    /// Which proxy calls, by certificate or by a header of its own, because `Authorization` is its caller's.
    pub(super) fn identify_proxy(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Result<Arc<Client>, ApiError> {
        let certified = self.clients.by_certificate(caller.certificate.as_ref());
        let client = certified.map_or_else(|| self.by_own_header(headers), Ok).and_then(one_audience);
        let client = client.map_err(|why| {
            self.metrics.rejected(Rejection::BadCredential);
            if let Some(left_out) = self.not_set_up.may_write(self.clock.moment().boot_ms) {
                tracing::warn!("a proxy was not answered, so its callers get 503: {why}{left_out}");
            }
            ApiError::proxy_not_set_up()
        });
        self.known(caller, client?)
    }

    fn by_own_header(&self, headers: &HeaderMap) -> Result<Arc<Client>, String> {
        let mut shown = headers.get_all("crossfade-credential").iter();
        let (Some(credential), None) = (shown.next(), shown.next()) else {
            return Err(
                "one header `Crossfade-Credential` is needed, or a certificate of a client".to_owned()
            );
        };
        let client = self.clients.by_credential(credential.as_bytes());
        client.ok_or_else(|| "its credential is not one of the config's `clients`".to_owned())
    }

    /// The connection is this client's from now on, unless that one has too many.
    fn known(&self, caller: &Caller, client: Arc<Client>) -> Result<Arc<Client>, ApiError> {
        if caller.is_known(&client) {
            return Ok(client);
        }
        Err(self.busy("this client has too many connections already"))
    }

    /// What can't be answered in time is better told so at once: first its client's share is looked at, then its body is
    /// awaited, where it has one that is read, and only then it takes a place from the others.
    pub(super) async fn admit<'a, B>(
        &'a self,
        client: &'a Client,
        body: Option<&mut B>,
    ) -> Result<(Places<'a>, Vec<u8>), ApiError>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        // Also what a client of several processes is told, so that its owner knows whose load it is.
        let too_many = || self.busy("this client has too many requests at once");
        let of_its_share = client.share.request().ok_or_else(too_many)?;
        let body = match body {
            None => Vec::new(),
            Some(body) => {
                let _awaited = client.share.body().ok_or_else(too_many)?;
                whole(body).await.map_err(|unread| match unread {
                    Unread::TooLarge => ApiError::too_large(),
                    Unread::BrokeOff => ApiError::invalid_request("the body broke off"),
                })?
            }
        };
        let place = self.places.try_acquire().map_err(|_| self.busy("too many requests at once"))?;
        Ok(([of_its_share, place], body))
    }

    /// Told to whoever is over a limit, and counted.
    fn busy(&self, what: &'static str) -> ApiError {
        self.metrics.rejected(Rejection::Busy);
        ApiError::busy(what)
    }

    /// Every answer leaves uncacheable, and every rejection is counted. To a proxy, 401 is a verdict.
    pub(super) fn seal(&self, mut response: Response, is_for_proxy: bool) -> Response {
        let rejection = match response.status() {
            StatusCode::UNAUTHORIZED if is_for_proxy => None,
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

/// A proxy is a verifier, and stands before one audience.
fn one_audience(client: Arc<Client>) -> Result<Arc<Client>, String> {
    match (client.role, &*client.audiences) {
        (Role::Verifier, [_]) => Ok(client),
        (Role::Verifier, _) => {
            Err(format!("the client {} has several audiences: a proxy has one", client.id))
        }
        _ => Err(format!("the client {} is no verifier", client.id)),
    }
}
