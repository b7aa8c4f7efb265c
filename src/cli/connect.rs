//! A daemon as an operator, over its unix socket.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use super::output;
use crate::{
    http::{
        admin::OrderBody,
        limits,
        operator::{Operator, OrderError, OrderReport, Preview, Question, Running, SecretStatus},
    },
    rotation::{plan::Request as OrderRequest, ring::VersionId},
    token::Token,
};

/// The most that is taken of an answer.
const ANSWER_BYTES: usize = 16 << 20;

/// For an answer from memory: a daemon that is stopped, or hangs, gives none.
const AT_ONCE: Duration = Duration::from_secs(10);
/// For any other: the daemon itself gives up sooner.
const IN_THE_END: Duration = limits::ORDER_TIMEOUT.saturating_add(Duration::from_secs(5));

/// A daemon on its admin socket.
#[derive(Debug)]
pub(super) struct Remote {
    socket: PathBuf,
}

/// What is asked of it.
struct Call {
    method: &'static str,
    path: String,
    body: Vec<u8>,
}

impl Call {
    fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), body: Vec::new() }
    }

    fn post(path: impl Into<String>, body: &impl Serialize) -> Result<Self, OrderError> {
        let body = serde_json::to_vec(body).map_err(|error| OrderError::Refused(error.to_string()))?;
        Ok(Self { method: "POST", path: path.into(), body })
    }
}

impl Remote {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it runs by; asked first, for it shows whether anybody is there.
    pub(super) async fn running(&self) -> Result<Running, OrderError> {
        self.call_within(AT_ONCE, Call::get("/v1/admin/daemon")).await
    }

    /// The current token, read from the store now.
    pub(super) async fn token(&self, name: &str) -> Result<Token, OrderError> {
        let path = format!("/v1/admin/tokens/{}", segment(name));
        let token: String = self.call(Call { method: "POST", path, body: Vec::new() }).await?;
        Token::from_stored(Zeroizing::new(token).as_bytes())
            .map_err(|why| OrderError::Refused(why.to_string()))
    }

    /// What its verify endpoint would say, and why.
    pub(super) async fn verify(&self, audience: &str, token: &[u8]) -> Result<serde_json::Value, OrderError> {
        // What is no text is no token either, and is told so.
        let token = String::from_utf8_lossy(token).into_owned();
        let question = Question { audience: audience.to_owned(), token };
        self.call(Call::post("/v1/admin/verify", &question)?).await
    }

    async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, OrderError> {
        self.call_within(IN_THE_END, call).await
    }

    async fn call_within<T: DeserializeOwned>(
        &self,
        patience: Duration,
        call: Call,
    ) -> Result<T, OrderError> {
        let answer = tokio::time::timeout(patience, self.answer(call)).await;
        answer.unwrap_or_else(|_| {
            let (socket, within) = (self.socket.display(), output::span(patience));
            Err(OrderError::Unknown(format!(
                "the daemon on {socket} did not answer within {within}: it hangs, or is stopped. Restart it; or work on the store \
                 beside it, by `--socket` with a path on which nobody listens"
            )))
        })
    }

    async fn answer<T: DeserializeOwned>(&self, call: Call) -> Result<T, OrderError> {
        let failed = |what: &str, error: &dyn std::error::Error| {
            OrderError::Unknown(format!("the daemon on {} {what}: {error}", self.socket.display()))
        };
        let response = self.send(call).await.map_err(|e| failed("did not answer", &*e))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|e| failed("broke off its answer", &*e))?.to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|e| failed("answers in another way than expected", &e));
        }
        Err(serde_json::from_slice(&body).unwrap_or_else(|_| {
            let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let said = said["error_description"].as_str().unwrap_or("without saying why");
            let said = format!("the daemon answers {status}: {said}");
            // What takes too long, or breaks down, may go on all the same.
            let is_certain = status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT;
            if is_certain { OrderError::Refused(said) } else { OrderError::Unknown(said) }
        }))
    }

    async fn send(
        &self,
        Call { method, path, body }: Call,
    ) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (peer, us) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
        if peer != 0 && peer != us {
            return Err(format!("uid {peer} listens there, which is neither root nor us (uid {us})").into());
        }
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "crossfade")
            .header("content-type", "application/json")
            .body(Full::<Bytes>::from(body))?;
        spawn(connection);
        Ok(sender.send_request(request).await?)
    }
}

#[async_trait]
impl Operator for Remote {
    async fn notices(&self) -> Result<Vec<String>, OrderError> {
        self.call(Call::get("/v1/admin/notices")).await
    }

    async fn secrets(&self) -> Result<Vec<SecretStatus>, OrderError> {
        self.call(Call::get("/v1/admin/secrets")).await
    }

    async fn secret(&self, name: &str) -> Result<SecretStatus, OrderError> {
        self.call(Call::get(format!("/v1/admin/secrets/{}", segment(name)))).await
    }

    async fn order(&self, name: &str, request: OrderRequest) -> Result<OrderReport, OrderError> {
        let (verb, body) = words(request);
        self.call(Call::post(format!("/v1/admin/secrets/{}/{verb}", segment(name)), &body)?).await
    }

    async fn preview(&self, name: &str, compromised: bool) -> Result<Preview, OrderError> {
        let path = format!("/v1/admin/previews/{}?compromised={compromised}", segment(name));
        self.call(Call::get(path)).await
    }
}

/// Drives a connection; it ends with the answer that it brings.
#[expect(clippy::disallowed_methods, reason = "a command ends with its one request, and this with it")]
fn spawn(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("the connection to the daemon broke: {error}");
        }
    });
}

/// An order in the words of the admin API.
fn words(request: OrderRequest) -> (&'static str, OrderBody) {
    let none = OrderBody::default();
    let text = |id: VersionId| id.to_string();
    match request {
        OrderRequest::Rotate { named } => ("rotate", OrderBody { current: named.map(text), ..none }),
        OrderRequest::Compromised { named } => {
            ("rotate", OrderBody { current: named.map(text), compromised: true, ..none })
        }
        OrderRequest::RevokeAll { named } => {
            ("revoke", OrderBody { current: named.map(text), all: true, ..none })
        }
        OrderRequest::RevokePrevious { named } => {
            ("revoke", OrderBody { current: named.map(text), previous: true, ..none })
        }
        OrderRequest::Revoke { version } => ("revoke", OrderBody { version: Some(text(version)), ..none }),
        OrderRequest::Abort { named } => ("abort", OrderBody { pending: named.map(text), ..none }),
        OrderRequest::Pause => ("pause", none),
        OrderRequest::Resume => ("resume", none),
    }
}

/// A name as one percent-encoded segment of a path (RFC 3986, section 2.1).
fn segment(name: &str) -> String {
    use std::fmt::Write as _;
    name.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}
