//! The image, as its users have it: built by a builder, run by a runtime as 65532, on a root that can't
//! be written, without a capability. And what is shipped beside it: linted, parsed, started from.
//!
//! `cargo xtask test --system` installs what this needs, builds the static binary and names it; without it, each
//! test of the image says so and passes.

#![expect(clippy::disallowed_methods, reason = "a test waits for processes, and reads its own switches")]

mod container;
mod deployed;
mod image;
mod running;
mod workshop;

use crossfade_testing_fleet::process;
