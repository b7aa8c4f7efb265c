//! The embedded store, beyond the contract: files, keys, damage, disks, clocks, crashes.

#![expect(unreachable_pub, reason = "the modules of a test have nobody outside")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod embedded;

#[path = "embedded/clock.rs"]
mod clock;
#[path = "embedded/crash.rs"]
mod crash;
#[path = "embedded/damage.rs"]
mod damage;
#[path = "embedded/disk.rs"]
mod disk;
#[path = "embedded/files.rs"]
mod files;
#[path = "embedded/handles.rs"]
mod handles;
#[path = "embedded/left_behind.rs"]
mod left_behind;
