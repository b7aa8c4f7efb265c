//! What the config says of the audiences: whose tokens they accept, and within which bounds.

use std::{sync::Arc, time::Duration};

/// For whom a secret is; from the config.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The secret's name.
    pub secret: Arc<str>,
    /// Its bot.
    pub client_id: Arc<str>,
    /// Its MCP server.
    pub audience: Arc<str>,
    /// What the bot may do there.
    pub scopes: Arc<[Arc<str>]>,
    /// How long a replaced version stays accepted.
    pub grace: Duration,
}

/// The bounds within which a verifier may rest on a view.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// How old it may be when it refuses.
    pub freshness: Duration,
    /// How old it may be when it accepts.
    pub hold: Duration,
    /// How old it may be when it accepts at once, where a younger one can be asked for.
    pub accept_within: Duration,
}
