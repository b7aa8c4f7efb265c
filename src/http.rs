//! HTTP.
pub mod operator;
