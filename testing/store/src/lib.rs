//! What tests put around a rotation: a store in memory, clocks that are moved, and an observer that writes down what an
//! engine says.

mod clock;
mod memory;
mod recorder;

pub use clock::{Following, HandClock};
pub use memory::{Fault, Memory};
pub use recorder::Recorder;
