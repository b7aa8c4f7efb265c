//! The secret's values, read with AWS's own SDK.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, timeout::TimeoutConfig},
};
use constant_time_eq::constant_time_eq;

use super::Verdict;
use crate::{BY_HAND, Kind};

pub(super) const CURRENT: &str = "AWSCURRENT";
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

pub(super) struct Source {
    client: Client,
}

impl Source {
    pub(super) fn new(aws: SocketAddr, kind: Kind) -> Self {
        let timeout = TimeoutConfig::builder().operation_timeout(Duration::from_secs(5)).build();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(format!("http://{aws}"))
            .credentials_provider(Credentials::new(kind.access_key(), "none", None, None, "gap"))
            .timeout_config(timeout)
            .build();
        Self { client: Client::from_conf(config) }
    }

    /// The value of the version that bears this label; none where no version does.
    pub(super) async fn value(&self, label: &str) -> Result<Option<String>> {
        let sent = self.client.get_secret_value().secret_id(BY_HAND).version_stage(label).send().await;
        match sent {
            Ok(output) => Ok(output.secret_string),
            Err(error) => match error.into_service_error() {
                error if error.is_resource_not_found_exception() => Ok(None),
                error => Err(error.into()),
            },
        }
    }

    pub(super) async fn verdict(&self, token: &str) -> Verdict {
        match self.value(CURRENT).await {
            Ok(Some(value)) if constant_time_eq(value.as_bytes(), token.as_bytes()) => Verdict::Accepted,
            Ok(_) => Verdict::Refused,
            Err(_) => Verdict::Unsure,
        }
    }
}
