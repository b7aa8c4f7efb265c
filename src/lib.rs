//! Crossfade rotates the bearer tokens with which bots call remote MCP servers: the old token fades
//! out while the new one fades in, so that no request in flight is refused.
//!
//! Read it in this order:
//!
//! | module | what it is |
//! |---|---|
//! | [`rotation`] | the core: versions, rules, the one function that decides, the loop that acts |
//! | [`store`] | where versions live, and by which replicas agree |
//! | [`token`] | the only type that holds a secret value |

pub mod clock;
pub mod config;
pub mod http;
pub mod rotation;
pub mod store;
pub mod time;
pub mod token;
