//! The config file, parsed and checked.
//!
//! A [`Config`] that exists is sound: every relation that the promise rests on was checked when it
//! was read. All mistakes of a file are reported at once, each with its place. A wrong file changes
//! nothing.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crossfade_verify::Digest;

use crate::{
    rotation::policy::Policy,
    store::{Format, aws},
};

mod changes;
mod clients;
mod file;
mod glance;
mod mistakes;
mod names;
mod parse;
mod published;
mod secrets;
mod section;
mod store;
mod text;
mod times;
mod tls;
mod tree;
mod warnings;

pub use changes::changes;
pub use mistakes::{ConfigErrors, Mistake};
pub use names::{Unnamed, meant};
pub use tls::TlsConfig;

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

/// What a client may do.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// Ask for verdicts on tokens.
    Verifier,
    /// Fetch tokens.
    Bot,
    /// Order rotations.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verifier => "verifier",
            Self::Bot => "bot",
            Self::Admin => "admin",
        })
    }
}

impl Config {
    /// Reads the file as a whole, once. `env` gives the values for `${NAME}`.
    pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let text = file::read(path).map_err(|what| ConfigErrors::of_file(path, what))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder, env).map_err(|mistakes| ConfigErrors::new(path, &text, mistakes))
    }

    /// Checks a file's text; relative paths are relative to `folder`.
    pub fn parse(
        text: &str,
        folder: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Mistake>> {
        parse::config(text, folder, env)
    }
}
