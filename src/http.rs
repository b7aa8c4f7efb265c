//! HTTP: what verifiers and bots call ([`api`]), what operators call ([`admin`]), and what
//! Prometheus and probes call ([`telemetry`]), on one accept loop with limits on everything
//! ([`server`]).
//!
//! Handlers translate, they don't decide. The one judgement here is whose fault it is: 4xx theirs,
//! 503 ours.

mod accept_set;
pub mod admin;
pub mod api;
pub mod auth;
mod authorize;
pub mod background;
mod body;
pub mod capacity;
mod connection;
mod error;
mod gate;
mod introspect;
pub use introspect::told as introspection;
pub mod limits;
pub mod listener;
mod names;
pub mod operator;
mod precondition;
mod presented;
mod reports;
pub mod routes;
pub mod server;
pub mod share;
pub mod socket;
pub mod telemetry;
pub mod tls;
mod token;
mod unauthenticated;
mod verdict;
mod wire;
