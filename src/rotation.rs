//! The rotation core: what a secret's versions are ([`ring`]), by which rules they change
//! ([`policy`], [`schedule`]), the one function that decides ([`plan`]), what each step does
//! ([`transition`]), and the loop that carries decisions out ([`engine`]).
//!
//! All but the engine is pure: no I/O, no clock, no randomness, no `async`.

pub mod engine;
pub mod plan;
pub mod policy;
pub mod ring;
pub mod schedule;
pub mod transition;
