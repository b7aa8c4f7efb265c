//! Requests to a server, on connections that stay open.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Caller {
    pub(super) fn of(server: SocketAddr) -> Self {
        Self::at(format!("http://{server}/mcp"))
    }

    pub(super) fn at(url: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, url }
    }

    /// What it is answered; none: nothing, or not in time.
    pub(super) async fn ask(&self, token: &str) -> Option<StatusCode> {
        let call = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
        let request = Request::post(&self.url)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(call))
            .ok()?;
        self.send(request).await
    }

    /// What a plain GET is answered.
    pub(super) async fn fetch(&self) -> Option<StatusCode> {
        self.send(Request::get(&self.url).body(Full::default()).ok()?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Option<StatusCode> {
        let answer = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status();
            response.into_body().collect().await.ok()?;
            Some(status)
        };
        tokio::time::timeout(PATIENCE, answer).await.ok().flatten()
    }
}
