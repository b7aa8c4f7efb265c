//! The way from a replica to the store: the real SDK, on a network in memory, to the strict fake.

use std::sync::Arc;

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, HttpClient, Region, RuntimeComponents,
        http::{HttpRequest, HttpResponse},
        retry::RetryPartition,
    },
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    result::ConnectorError,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use crossfade::store::aws;
use crossfade_testing_secretsmanager::Fake;
use tokio::sync::oneshot;

use crate::{
    dice::Dice,
    host::Host,
    network::{Link, Network},
    world::STORE,
};

/// The network card of a replica, as the SDK sees it.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    host: Arc<Host>,
    network: Arc<Network>,
    link: Arc<Link>,
    fake: Fake,
}

/// As the daemon makes it, but for the network.
pub(crate) fn client(host: &Arc<Host>, network: &Arc<Network>, fake: &Fake) -> Client {
    let link = network.link(&host.name, STORE);
    let (host, network, fake) = (Arc::clone(host), Arc::clone(network), fake.clone());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1:4566")
        .credentials_provider(Credentials::new(host.name.clone(), "none", None, None, "test"))
        .retry_config(aws::retries())
        .timeout_config(aws::timeouts())
        // Else all runs of this process would share the tries that are left.
        .retry_partition(RetryPartition::custom("run").build())
        .http_client(Wire { host, network, link, fake });
    Client::from_conf(config.build())
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, come) = oneshot::channel();
        // What was sent arrives, also where whoever sent it has given up, or has died.
        self.network.tasks.spawn(self.clone().deliver(request, self.host.dice.fork(), answer));
        HttpConnectorFuture::new(async move {
            come.await.map_err(|_| ConnectorError::io("the connection was closed".into()))
        })
    }
}

impl Wire {
    async fn deliver(self, request: HttpRequest, dice: Dice, answer: oneshot::Sender<HttpResponse>) {
        self.host.awake().await;
        if self.link.is_cut() {
            return hang(answer).await;
        }
        tokio::time::sleep(self.link.latency(&dice)).await;
        self.fake.set_clock(self.host.journal.now_ms());
        let headers = request.headers().iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
        });
        let headers: HeaderMap = headers.collect();
        let told = labels_of(&request).map(|secret| (secret, self.host.journal.now_ms()));
        let Some(response) = self.fake.respond(&headers, request.body().bytes().unwrap_or_default()) else {
            return;
        };
        tokio::time::sleep(self.link.latency(&dice)).await;
        if self.link.is_cut() {
            return hang(answer).await;
        }
        self.host.awake().await;
        let (head, body) = response.into_parts();
        let mut response = HttpResponse::new(head.status.as_u16().try_into().expect("a status"), body.into());
        for (name, value) in &head.headers {
            let value = value.to_str().expect("text").to_owned();
            response.headers_mut().insert(name.as_str().to_owned(), value);
        }
        let went_well = head.status.is_success();
        if let (Ok(()), Some((secret, at_ms)), true) = (answer.send(response), told, went_well) {
            self.host.is_told(&secret, at_ms);
        }
    }
}

/// The secret whose labels are asked for.
fn labels_of(request: &HttpRequest) -> Option<String> {
    let asks = request.headers().get("x-amz-target")?.ends_with(".DescribeSecret");
    let body: serde_json::Value = serde_json::from_slice(request.body().bytes()?).ok()?;
    asks.then(|| body["SecretId"].as_str().map(str::to_owned))?
}

/// Nothing comes, until whoever waits has given up.
async fn hang(mut answer: oneshot::Sender<HttpResponse>) {
    answer.closed().await;
}
