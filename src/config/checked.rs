//! What a config says that has no mistakes.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use crossfade_verify::Digest;

use crate::{
    rotation::policy::Policy,
    store::{Format, Limits, aws, embedded},
};

/// A config without mistakes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where verifiers and bots call.
    pub listen: SocketAddr,
    /// HTTPS there; none: plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Plain HTTP off loopback.
    pub allow_plaintext: bool,
    /// `/metrics`, `/healthz`, `/readyz`.
    pub metrics_listen: SocketAddr,
    /// Where commands find the daemon.
    pub admin_socket: PathBuf,
    /// Where versions live.
    pub store: StoreConfig,
    /// How often the store is read.
    pub sync: Duration,
    /// How old a view may be when it refuses.
    pub freshness: Duration,
    /// How old it may be when it accepts.
    pub hold: Duration,
    /// How old it may be when it accepts at once, where a younger one can be asked for.
    pub accept_within: Duration,
    /// The audit log's file; none: stderr.
    pub audit_log: Option<PathBuf>,
    /// What is rotated.
    pub secrets: Vec<Arc<SecretConfig>>,
    /// Who may call us.
    pub clients: Vec<ClientConfig>,
    /// Of `secrets` and `clients` those that the file itself says are empty: `[]`.
    pub emptied: Vec<&'static str>,
    /// The first 16 hex digits of the file's SHA-256.
    pub hash: String,
}

/// Where the listener's certificates are. Their content is read at the start and by SIGHUP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsConfig {
    /// PEM: the listener's certificate, then the intermediate ones.
    pub cert: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// PEM: who signs clients' certificates. With it, each client has to show one.
    pub client_ca: Option<PathBuf>,
}

/// Where versions live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreConfig {
    /// The embedded store.
    Embedded {
        /// Its folder.
        path: PathBuf,
        /// The key that its values are sealed with.
        key_file: PathBuf,
    },
    /// AWS Secrets Manager.
    Aws(aws::Options),
}

impl StoreConfig {
    /// What that kind of store asks of the rest of the config.
    pub fn limits(&self) -> &'static Limits {
        match self {
            Self::Embedded { .. } => &embedded::LIMITS,
            Self::Aws(_) => &aws::LIMITS,
        }
    }
}

/// A secret.
#[derive(Clone, Debug)]
pub struct SecretConfig {
    /// Its name in the store.
    pub name: Arc<str>,
    /// Its bot.
    pub client_id: Arc<str>,
    /// Its MCP server.
    pub audience: Arc<str>,
    /// What the bot may do there.
    pub scopes: Arc<[Arc<str>]>,
    /// What new tokens begin with.
    pub token_prefix: Arc<str>,
    /// How the store's value holds the token.
    pub format: Format,
    /// Its schedule in words, as they stand in the file; none: only by hand.
    pub schedule: Option<Arc<str>>,
    /// By which rules it rotates.
    pub policy: Arc<Policy>,
}

/// A client of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientConfig {
    /// Its name.
    pub id: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// For whom it may verify.
    pub audiences: Vec<Arc<str>>,
    /// Whose tokens it may have.
    pub secrets: Vec<Arc<str>>,
    /// SHA-256 of its credentials, all accepted.
    pub credentials: Vec<Digest>,
    /// The subject alternative name of its certificate: `dns:…` or `uri:…`.
    pub cert_san: Option<String>,
    /// Where else than in Authorization a token may stand, in lower case.
    pub token_headers: Vec<String>,
}

labels! {
    /// What a client may do.
    #[derive(Copy, Clone, PartialEq, Eq, Debug)]
    pub enum Role {
        /// Ask for verdicts on tokens.
        Verifier = "verifier",
        /// Fetch tokens.
        Bot = "bot",
        /// Nothing yet: orders are taken on the admin socket alone.
        Admin = "admin",
    }
}
