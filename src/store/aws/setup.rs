//! One lookup of what the environment and AWS's files say: the region, the endpoints and the credentials.
//!
//! Each lookup asks the whole chain anew, with providers that remember nothing: AWS's provider for profiles reads its files
//! once in its life, and has forgotten by its second answer why it failed.

use std::{error::Error, time::SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider};
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError};
use aws_sdk_secretsmanager::{Client, config::Credentials};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::ServiceConfigKey;
use hyper::Uri;
use zeroize::Zeroizing;

use super::{
    error::{SetupError, causes, said},
    network::network,
    options::{Options, retries, timeouts},
};

/// Whose requests bear a token or a key. An endpoint that is none would put the request, as it is, into AWS's error.
const SERVICES: [&str; 4] = ["Secrets Manager", "STS", "SSO", "SSO OIDC"];

/// What a lookup found.
pub(super) struct Found {
    pub(super) client: Client,
    pub(super) settings: ClientSettings,
    pub(super) expires: Option<SystemTime>,
}

/// What a client is made of. Two clients of the same settings do the same.
#[derive(Default, PartialEq, Eq)]
pub(super) struct ClientSettings {
    region: String,
    endpoint: Option<String>,
    keys: [Zeroizing<String>; 3],
}

/// Where to look.
#[derive(Debug)]
pub(super) struct Setup {
    region: Option<String>,
    network: SharedHttpClient,
}

impl Setup {
    pub(super) fn new(options: &Options) -> Self {
        Self { region: options.region.clone(), network: network(options.plaintext) }
    }

    /// Asks everything anew.
    pub(super) async fn look_up(&self) -> Result<Found, SetupError> {
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .retry_config(retries())
            .timeout_config(timeouts())
            .http_client(self.network.clone());
        let loader = match &self.region {
            Some(region) => loader.region(Region::new(region.clone())),
            None => loader,
        };
        let sdk = loader.load().await;
        let region = region(&sdk)?;
        for service in SERVICES {
            endpoint(&sdk, service)?;
        }
        let endpoint = endpoint(&sdk, SERVICES[0])?;
        let credentials = credentials(&sdk).await?;
        let config = aws_sdk_secretsmanager::config::Builder::from(&sdk);
        let expires = credentials.expiry();
        let keys = [
            credentials.access_key_id(),
            credentials.secret_access_key(),
            credentials.session_token().unwrap_or_default(),
        ];
        let settings =
            ClientSettings { region, endpoint, keys: keys.map(|key| Zeroizing::new(key.to_owned())) };
        let config = config.credentials_provider(credentials).disable_clock_skew_correction(false);
        Ok(Found { client: Client::from_conf(config.build()), settings, expires })
    }
}

/// A part of a host's name, and of what is signed.
fn region(sdk: &SdkConfig) -> Result<String, SetupError> {
    let remedy = "set `store.region` in the config, or AWS_REGION, or `region` in the profile (AWS_PROFILE)";
    let Some(region) = sdk.region() else {
        return Err(SetupError::Misconfigured(format!("no region is set: {remedy}")));
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if region.as_ref().is_empty() || !region.as_ref().bytes().all(fits) {
        return Err(SetupError::Misconfigured(format!("the region is {region:?}, which is none: {remedy}")));
    }
    Ok(region.as_ref().to_owned())
}

/// The endpoint that somebody has named; none: AWS's own.
fn endpoint(sdk: &SdkConfig, service: &str) -> Result<Option<String>, SetupError> {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let of_the_service = key.build().ok().and_then(|key| sdk.service_config()?.load_config(key));
    let Some(url) = of_the_service.or_else(|| sdk.endpoint_url().map(str::to_owned)) else { return Ok(None) };
    let parsed: Option<Uri> = url.parse().ok();
    let fits = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some();
    if parsed.as_ref().is_some_and(fits) {
        return Ok(Some(url));
    }
    let variable = format!("AWS_ENDPOINT_URL_{}", service.replace(' ', "_").to_uppercase());
    Err(SetupError::Misconfigured(format!(
        "the endpoint of {service} is {url:?}, which is no URL: set {variable} (or AWS_ENDPOINT_URL, or `endpoint_url` in the \
         profile) to one that begins with https://, or with http:// where it is on this machine; or unset it"
    )))
}

async fn credentials(sdk: &SdkConfig) -> Result<Credentials, SetupError> {
    let nobody = || SetupError::Misconfigured("no provider of credentials is compiled in".to_owned());
    let provider = sdk.credentials_provider().ok_or_else(nobody)?;
    let found = match provider.provide_credentials().await {
        Ok(found) => found,
        Err(error) => return Err(unfound(&error).await),
    };
    let session_token = found.session_token().unwrap_or("none");
    for (what, value, variable) in [
        ("access key id", found.access_key_id(), "AWS_ACCESS_KEY_ID, or `aws_access_key_id` in the profile"),
        (
            "secret access key",
            found.secret_access_key(),
            "AWS_SECRET_ACCESS_KEY, or `aws_secret_access_key` in the profile",
        ),
        ("session token", session_token, "AWS_SESSION_TOKEN, or `aws_session_token` in the profile"),
    ] {
        if let Some(odd) = value.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(SetupError::Misconfigured(format!(
                "the {what} has a character in it that can't be one of it ({}): mend {variable}",
                odd.escape_debug()
            )));
        }
    }
    Ok(found)
}

/// The chain says of a profile that gives nothing only that nobody gave anything: the profile is asked for its own words.
async fn unfound(error: &CredentialsError) -> SetupError {
    let why = said(error);
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            let profile = ProfileFileCredentialsProvider::builder().build().provide_credentials().await;
            let profile = profile.err().map(|error| causes(&error, "")).unwrap_or_default();
            SetupError::Misconfigured(format!(
                "no credentials were found{profile}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a \
                 profile that has some (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE), or give this machine a role (ECS, EC2, \
                 EKS)"
            ))
        }
        CredentialsError::InvalidConfiguration(_) => SetupError::Misconfigured(format!(
            "the credentials can't be had as AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE have it: {why}"
        )),
        CredentialsError::ProviderTimedOut(_) => SetupError::Unavailable(unreached(&why)),
        _ if is_of_the_network(error) => SetupError::Unavailable(unreached(&why)),
        _ => SetupError::Denied(format!("no credentials were given: {why}")),
    }
}

fn unreached(why: &str) -> String {
    format!("whoever gives credentials can't be reached: {why}")
}

/// Nobody has answered: a refusal would be an answer.
fn is_of_the_network(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let said = error.to_string();
        if ["dispatch failure", "timeout", "timed out"].iter().any(|words| said.contains(words)) {
            return true;
        }
        cause = error.source();
    }
    false
}
