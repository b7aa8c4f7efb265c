//! The ways of guarding an MCP server that are compared.

use clap::ValueEnum;

/// A way of guarding a server.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Kind {
    /// It checks nothing: what the others' costs are compared with.
    Bare,
    /// AWSCURRENT is read for each request.
    EachRequest,
    /// AWSCURRENT, read again each TTL.
    Cached,
    /// The same, and once more where a token is unknown, with a cool-down.
    CachedAsking,
    /// AWSCURRENT and AWSPREVIOUS, read again each TTL.
    Both,
    /// The same, and once more where a token is unknown, with a cool-down.
    BothAsking,
    /// Crossfade's crate.
    Embedded,
    /// Crossfade's endpoint, asked for each request.
    Endpoint,
}

impl Kind {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 8] = [
        Self::Bare,
        Self::EachRequest,
        Self::Cached,
        Self::CachedAsking,
        Self::Both,
        Self::BothAsking,
        Self::Embedded,
        Self::Endpoint,
    ];

    /// Those that check a token.
    pub fn guarded() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::Bare)
    }

    /// Whether the daemon rotates its secret; else somebody puts a new value.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Embedded | Self::Endpoint)
    }

    /// What it is called in a plot.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare: checks nothing",
            Self::EachRequest => "a: AWS, each request",
            Self::Cached => "b: cached for a TTL",
            Self::CachedAsking => "b′: b, asks if unknown",
            Self::Both => "c: current and previous",
            Self::BothAsking => "c′: c, asks if unknown",
            Self::Embedded => "d: Crossfade's crate",
            Self::Endpoint => "e: Crossfade's endpoint",
        }
    }

    /// Whose calls of AWS are whose.
    pub(crate) fn access_key(self) -> String {
        format!("AKIDGAP{}", format!("{self:?}").to_uppercase())
    }
}
