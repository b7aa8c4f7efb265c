//! The system that started this project, on one machine: people in Slack, a bot in a Lambda, a hosted LLM, the company's MCP
//! server behind a rotating token, and Secrets Manager. For the end-to-end tests and for `cargo xtask demo`.
//!
//! The bot, the server and the daemon are the real ones, as processes. What stands in is here, and is **not for production**:
//! - [`responses`]: the hosted Responses API, with the official MCP client and without a model;
//! - [`workspace`]: Slack's Web API, with three messages in it;
//! - [`bot`]: what of Lambda a handler needs;
//! - Secrets Manager is the strict fake.
//!
//! Not there: what is right and what is wrong. Tests say so themselves.

#![expect(clippy::disallowed_methods, reason = "it runs beside real processes, on the machine's own clock")]

pub mod bot;
pub mod mention;
pub mod responses;
pub mod system;
pub mod workspace;

/// The secret whose token the bot hands to the LLM.
pub const SECRET: &str = "mcp/slack-bot-token";
/// The secret in which the bot finds its users' Slack tokens.
pub const USER_TOKENS: &str = "slack/user-tokens";
/// What Slack signs its events with, made for these tests.
pub const SIGNING_SECRET: &str = "a-signing-secret-for-tests";
/// With which the bot speaks in Slack, made for these tests.
pub const BOT_TOKEN: &str = "xoxb-of-the-bot-in-tests";
/// Who asks, and with which Slack token: a good one, one that Slack refuses, none.
pub const ANN: (&str, &str) = ("U0ANN", "xoxp-of-ann-in-tests");
pub const BEN: (&str, &str) = ("U0BEN", "xoxp-of-ben-revoked");
pub const CAT: &str = "U0CAT";
