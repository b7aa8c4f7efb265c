//! The rotation core: what a secret's versions are ([`ring`]), by which rules they change
//! ([`policy`], [`schedule`]), the one function that decides ([`plan`]), and what each step does
//! ([`transition`]).
//!
//! All of it is pure: no I/O, no clock, no randomness, no `async`. The loop that carries decisions out is
//! [`engine`](crate::engine).

pub mod plan;
pub mod policy;
pub mod ring;
pub mod schedule;
pub mod transition;
