//! The rotation protocol, explored exhaustively: whatever goes wrong, in whatever order, within a bound.
//!
//! **Real** is the code that rotates: the plan, its policy and rings, the engine's turn (`Rotator`), the whole AWS store
//! but the SDK, the embedded store's contract (`rotation::transition::after`), the distribution that makes accept sets, the
//! rules by which a verifier takes a view in, and the verdict. **Modelled** is what lies between: Secrets Manager (the
//! strict fake's state machine), time (in ticks of ten seconds), the loop around a turn, and people. What a turn reads,
//! decides and writes is one event; what can come between is events of their own: reads that are late, and writes that
//! land later.
//!
//! What is deliberately not there: HTTP, SQLite, several processes on one audience's config, times between two ticks.

mod broken;
mod event;
mod explore;
mod memo;
mod observer;
mod promise;
mod rest;
mod rules;
mod state;
mod store;
mod token;
mod turn;
mod verifier;
mod world;

pub use broken::Broken;
pub use event::{Edit, Event, OrderKind, Trouble};
pub use explore::{Explored, Model};
pub use promise::sentence;
pub use rules::{Kind, Rules, START, TICK, Ticks};
pub use state::{Left, State};
pub use store::Fault;
pub use world::World;
