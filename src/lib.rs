//! Crossfade rotates the bearer tokens with which bots call remote MCP servers: the old token fades
//! out while the new one fades in, so that no request in flight is refused.
//!
//! Read it in this order; each module may use only those that it needs (`tests/architecture.rs`):
//!
//! | module | what it is |
//! |---|---|
//! | [`rotation`] | the core: versions, rules, the one function that decides |
//! | [`store`] | where versions live, and by which replicas agree |
//! | [`engine`] | the loop that carries decisions out |
//! | [`token`] | the only type that holds a secret value |
//! | [`distribution`] | what verifiers are told: accept sets, and their place in time |
//! | [`http`] | what verifiers, bots, operators and Prometheus call |
//! | [`config`] | the file, parsed and checked |
//! | [`audit`], [`metrics`] | what is written down and counted; both only observe |
//! | [`app`] | wires everything, decides nothing |
//! | [`cli`], [`lifecycle`] | the commands, and the process |
//! | [`clock`], [`time`] | the one place that reads clocks, and the time type |
//! | [`ownership`] | whose a file is, and who else may change it |
//! | [`causes`] | an error with its causes, in a line |
//! | `labels` | enums whose values have a word each |
//! | [`lock`] | locks that a panic does not break |
//! | [`quiet`] | how many log lines are written that somebody else can cause |

#[macro_use]
mod labels;

pub mod app;
pub mod audit;
pub mod causes;
pub mod cli;
pub mod clock;
pub mod config;
pub mod distribution;
pub mod engine;
pub mod http;
pub mod lifecycle;
pub mod lock;
pub mod metrics;
pub mod ownership;
pub mod quiet;
pub mod rotation;
pub mod store;
pub mod time;
pub mod token;
