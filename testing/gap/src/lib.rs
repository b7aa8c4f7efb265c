//! The gap: what happens to runs that are under way, and to tokens that should be over, when a token is rotated;
//! measured for several ways of guarding a server, with the same bots and the same rotations.
//!
//! Each server is a process of its own ([`serve`]); Secrets Manager is the strict fake, behind a delay; the daemon is
//! the real one. Not there: TLS, several replicas, outages (`tests/fleet` has those): here is only what happens on a good day.

mod clock;
mod kind;
mod plan;
pub mod report;
mod run;
mod server;

pub use kind::Kind;
pub use plan::Plan;
pub use run::{Load, Results, Row, Tally, run};
pub use server::{Settings, serve};

/// The secret that somebody rotates by putting a new value.
const BY_HAND: &str = "mcp/by-hand";
/// The one that the daemon rotates.
const OURS: &str = "mcp/crossfade";
const AUDIENCE: &str = "https://mcp.example.com/gap";
/// The tour's verifier credential, from `config.example.yaml`, and its hash.
const CREDENTIAL: &str = "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf";
const CREDENTIAL_SHA256: &str = "db256134bc9f86671e89e6de81a3334f835c5b63ec9ba422d976523a946f8a76";
