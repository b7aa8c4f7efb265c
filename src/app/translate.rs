//! From the config's words to those of the modules that must not know the config.

use std::sync::Arc;

use crate::{
    audit::Target,
    config::{Config, Role as ConfigRole, SecretConfig, Unnamed},
    distribution::{Bounds, Member},
    http::{
        auth::{Client, ClientIndex, Clients, Polls, Role},
        operator::OrderError,
    },
    store::Secret,
};

pub(super) fn audit_target(config: &Config) -> Target {
    config.audit_log.clone().map_or(Target::Stderr, Target::File)
}

/// Why an order's name means no secret.
pub(super) fn unnamed(why: Unnamed) -> OrderError {
    match why {
        Unnamed::Nobody(name) => OrderError::NoSuchSecret(name),
        several @ Unnamed::Several(..) => OrderError::Refused(several.to_string()),
    }
}

/// What a store needs to know of a secret.
pub(super) fn secret(config: &SecretConfig) -> Secret {
    Secret {
        name: Arc::clone(&config.name),
        token_prefix: Arc::clone(&config.token_prefix),
        format: config.format,
        grace: config.policy.terms().grace,
    }
}

pub(super) fn member(secret: &SecretConfig) -> Member {
    Member {
        secret: Arc::clone(&secret.name),
        client_id: Arc::clone(&secret.client_id),
        audience: Arc::clone(&secret.audience),
        scopes: Arc::clone(&secret.scopes),
        grace: secret.policy.terms().grace,
    }
}

pub(super) fn distribution(config: &Config) -> (Bounds, Vec<Member>) {
    let Config { freshness, hold, accept_within, .. } = *config;
    let bounds = Bounds { freshness, hold, accept_within };
    (bounds, config.secrets.iter().map(|secret| member(secret)).collect())
}

/// They keep the shares that they have by the config before.
pub(super) fn clients(config: &Config, before: &Clients) -> ClientIndex {
    let mut clients = ClientIndex::default();
    for client in &config.clients {
        let ours = Arc::new(Client {
            id: Arc::clone(&client.id),
            role: match client.role {
                ConfigRole::Verifier => Role::Verifier,
                ConfigRole::Bot => Role::Bot,
                ConfigRole::Admin => Role::Admin,
            },
            audiences: client.audiences.iter().cloned().collect(),
            secrets: client.secrets.iter().cloned().collect(),
            token_headers: client.token_headers.iter().cloned().collect(),
            polls: Polls::default(),
            share: before.share_of(&client.id),
        });
        let by_credential = client.credentials.iter().map(|digest| (*digest, Arc::clone(&ours)));
        clients.by_credential.extend(by_credential);
        clients.by_name.extend(client.cert_san.iter().map(|name| (name.clone(), Arc::clone(&ours))));
    }
    clients
}
