//! Crossfade's verify endpoint, asked for each request on connections that stay open.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::Verdict;
use crate::CREDENTIAL;

pub(super) struct Introspection {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Introspection {
    pub(super) fn of(daemon: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, url: format!("http://{daemon}/v1/introspect") }
    }

    pub(super) async fn verdict(&self, token: &str) -> Verdict {
        match self.is_active(token).await {
            Ok(true) => Verdict::Accepted,
            Ok(false) => Verdict::Refused,
            Err(_) => Verdict::Unsure,
        }
    }

    async fn is_active(&self, token: &str) -> Result<bool> {
        // A token's characters are not always a form's.
        let form: String = token
            .bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect();
        let request = Request::post(&self.url)
            .header(header::AUTHORIZATION, format!("Bearer {CREDENTIAL}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(format!("token={form}")))?;
        let response = self.client.request(request).await?;
        ensure!(response.status().is_success(), "it doesn't know");
        let body = response.into_body().collect().await?.to_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&body)?;
        Ok(answer["active"] == true)
    }
}
