//! The API for verifiers and bots, on `listen`. A request comes in here and nowhere else: its path says what it asks for,
//! the gate says who asks, and then it is answered, or held.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::{
    BoxError,
    body::Bytes,
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hyper::{Request, body::Body};
use tokio_util::sync::CancellationToken;

use super::{
    accept_set::{Feed, FeedRequest},
    auth::{Caller, Client, Clients},
    authorize::authorize,
    error::ApiError,
    gate::Gate,
    introspect::introspect,
    limits,
    reports::report,
    token::{Counter, hand_out},
};

pub use super::{
    token::{Counter as TokenCounter, Sources as TokenSources},
    verdict::Verdicts,
};

/// What a request asks for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Endpoint {
    AcceptSet,
    /// For proxies, at any path below it.
    Authorize,
    Introspect,
    Reports,
    Token,
}

impl Endpoint {
    /// The one at this path.
    fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/v1/")? {
            "accept-set" => Some(Self::AcceptSet),
            "introspect" => Some(Self::Introspect),
            "reports" => Some(Self::Reports),
            "token" => Some(Self::Token),
            name => {
                let below = name.strip_prefix("authorize")?;
                (below.is_empty() || below.starts_with('/')).then_some(Self::Authorize)
            }
        }
    }
}

/// What `listen` answers, with every limit on.
#[derive(Debug)]
pub struct Api {
    gate: Gate,
    feed: Feed,
    tokens: Option<Arc<Counter>>,
}

/// An answer in the making.
#[expect(missing_debug_implementations, reason = "a future has nothing to show")]
pub enum Answer<Held> {
    /// It waits for news for as long as its client wants: a long poll.
    Held(Held),
    /// It is made at once. In a box: a connection that holds a request would have room for it all the time.
    Immediate(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl<Held: Future<Output = Response>> Answer<Held> {
    /// The answer, once it is made.
    pub async fn made(self) -> Response {
        match self {
            Self::Held(answer) => answer.await,
            Self::Immediate(answer) => answer.await,
        }
    }
}

impl Api {
    /// With these tokens; without them, none is handed out here. What is held open ends at `stop`.
    pub fn new(
        verdicts: Verdicts,
        tokens: Option<Arc<Counter>>,
        clients: Arc<Clients>,
        stop: CancellationToken,
    ) -> Self {
        let gate = Gate::new(clients, Arc::clone(&verdicts.metrics), Arc::clone(&verdicts.clock));
        Self { gate, feed: Feed { verdicts, stop }, tokens }
    }

    /// Answers a request. Who asks is known when this returns.
    pub fn answer<B>(
        self: &Arc<Self>,
        request: Request<B>,
        caller: &Caller,
    ) -> Answer<impl Future<Output = Response> + Send + use<B>>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let endpoint = Endpoint::of(request.uri().path());
        let is_for_proxy = endpoint == Some(Endpoint::Authorize);
        let client = if is_for_proxy {
            self.gate.identify_proxy(request.headers(), caller)
        } else {
            self.gate.identify(request.headers(), caller)
        };
        let api = Arc::clone(self);
        if endpoint == Some(Endpoint::AcceptSet) && is_read(request.method()) {
            // It is understood and let go at once: thousands are held, and all of them are answered in the same moment.
            let began = self.feed.verdicts.clock.moment();
            let asked = client
                .map(|client| (FeedRequest::of(&client, request.uri(), request.headers(), began), client));
            return Answer::Held(async move {
                let answer = match asked {
                    Ok((asked, client)) => api.feed.answer(asked, &client).await,
                    Err(error) => error.into_response(),
                };
                api.gate.seal(answer, is_for_proxy)
            });
        }
        Answer::Immediate(Box::pin(async move {
            let answer = async { api.immediate(endpoint, &*client?, request).await };
            let answer = match tokio::time::timeout(limits::REQUEST_TIMEOUT, answer).await {
                Ok(answer) => answer.unwrap_or_else(ApiError::into_response),
                Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
            };
            api.gate.seal(answer, is_for_proxy)
        }))
    }

    /// Answers a client at once. Handlers get what they need of a request, which is no credential of a client's.
    async fn immediate<B>(
        &self,
        endpoint: Option<Endpoint>,
        client: &Client,
        request: Request<B>,
    ) -> Result<Response, ApiError>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let (head, mut body) = request.into_parts();
        let is_awaited = head.method == Method::POST && endpoint != Some(Endpoint::Authorize);
        let (_places, body) = self.gate.admit(client, is_awaited.then_some(&mut body)).await?;
        let verdicts = &self.feed.verdicts;
        let content_type = head.headers.get(header::CONTENT_TYPE);
        match (endpoint.ok_or_else(no_such_endpoint)?, &head.method) {
            (Endpoint::Introspect, &Method::POST) => introspect(verdicts, client, content_type, &body).await,
            (Endpoint::Reports, &Method::POST) => report(verdicts, client, content_type, body).await,
            (Endpoint::Authorize, _) => authorize(verdicts, client, &head.headers).await,
            (Endpoint::Token, method) if is_read(method) => match &self.tokens {
                Some(counter) => hand_out(counter, client, &head.uri).await,
                None => Err(needs_tls()),
            },
            (Endpoint::Introspect | Endpoint::Reports, _) => {
                Err(ApiError::wrong_method(&[(header::ALLOW, "POST")]))
            }
            (Endpoint::AcceptSet | Endpoint::Token, _) => {
                Err(ApiError::wrong_method(&[(header::ALLOW, "GET,HEAD")]))
            }
        }
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn no_such_endpoint() -> ApiError {
    let what = "no such endpoint: /v1/introspect, /v1/authorize, /v1/accept-set, /v1/reports and /v1/token are served \
                here";
    ApiError::new(StatusCode::NOT_FOUND, "not_found", what)
}

fn needs_tls() -> ApiError {
    ApiError::forbidden(
        "tokens are handed out over TLS or on a loopback listener: `allow_plaintext` does not cover them",
    )
}
