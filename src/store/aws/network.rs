//! How requests to AWS leave this process, those for credentials (STS, SSO, metadata) too.
//!
//! HTTPS goes through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name, as a tunnel that the proxy can't look
//! into. Plain HTTP goes through no proxy: what is allowed in clear is allowed because it stays on this machine or
//! on its link (`docs/decisions/0023-plain-http-takes-no-proxy.md`), and a proxy would read it all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};

/// Connections are pooled for each pair of time-outs (connecting, reading).
type TimeOuts = (Option<Duration>, Option<Duration>);

#[derive(Debug)]
struct Network {
    plaintext: bool,
    routes: Mutex<HashMap<TimeOuts, SharedHttpConnector>>,
}

/// `plaintext`: a request may leave the machine unencrypted.
pub(super) fn network(plaintext: bool) -> SharedHttpClient {
    SharedHttpClient::new(Network { plaintext, routes: Mutex::default() })
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let route = || {
            SharedHttpConnector::new(Routes {
                plaintext: self.plaintext,
                settings: settings.clone(),
                direct: OnceLock::new(),
                proxied: OnceLock::new(),
            })
        };
        routes.entry((settings.connect_timeout(), settings.read_timeout())).or_insert_with(route).clone()
    }
}

/// The two ways out. Each is made when it is first taken: most processes take one.
#[derive(Debug)]
struct Routes {
    plaintext: bool,
    settings: HttpConnectorSettings,
    direct: OnceLock<Connector>,
    proxied: OnceLock<Connector>,
}

impl Routes {
    fn connector(&self, proxy: ProxyConfig) -> Connector {
        let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        let connector = Connector::builder().tls_provider(tls).connector_settings(self.settings.clone());
        connector.proxy_config(proxy).build()
    }
}

impl HttpConnector for Routes {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().starts_with("https://") {
            return self.proxied.get_or_init(|| self.connector(ProxyConfig::from_env())).call(request);
        }
        if !self.plaintext && !stays_near(request.uri()) {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(Clear.into())));
        }
        self.direct.get_or_init(|| self.connector(ProxyConfig::disabled())).call(request)
    }
}

/// A request was not sent.
#[derive(Debug, thiserror::Error)]
#[error(
    "the endpoint is plain HTTP and not on this machine: everybody on the way could read tokens. Use https, or set \
     `store.danger_plaintext_endpoint: true`"
)]
pub(super) struct Clear;

/// Encrypted, or on this machine.
pub(super) fn stays_private(uri: &str) -> bool {
    uri.starts_with("https://")
        || host(uri)
            .is_some_and(|host| host == "localhost" || address(host).is_some_and(|ip| ip.is_loopback()))
}

/// On this machine, or on its link, where the metadata of EC2, ECS and EKS are: AWS serves those in clear only.
fn stays_near(uri: &str) -> bool {
    let on_the_link = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.segments()[..2] == [0xfd00, 0x0ec2],
    };
    stays_private(uri) || host(uri).and_then(address).is_some_and(on_the_link)
}

fn address(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

/// The host of a plain HTTP URL, without brackets.
fn host(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("http://")?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(six) => six.split(']').next(),
        None => host.split(':').next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_encrypted_or_stays_on_the_machine_is_private() {
        for private in [
            "https://secretsmanager.eu-west-1.amazonaws.com/",
            "http://127.0.0.1:4566/",
            "http://localhost:4566/",
            "http://[::1]:4566/?x",
        ] {
            assert!(stays_private(private) && stays_near(private), "{private}");
        }
        for open in [
            "http://10.0.0.1/",
            "http://emulator:4566/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://localhost.example.com:80/",
            "ftp://127.0.0.1/",
            "",
        ] {
            assert!(!stays_private(open) && !stays_near(open), "{open}");
        }
    }

    #[test]
    fn what_aws_serves_in_clear_is_near_and_still_not_private() {
        for metadata in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest",
            "http://[fd00:ec2::23]/v1/credentials",
        ] {
            assert!(stays_near(metadata) && !stays_private(metadata), "{metadata}");
        }
        assert!(!stays_near("http://[fd00:ec3::23]/") && !stays_near("http://169.255.0.1/"));
    }
}
