//! The AWS store on the strict fake, through the real SDK.

mod adoption;
mod by_hand;
mod edits;
mod faults;
mod format;
mod gone;
mod labels;
mod parked;
mod replicas;
mod world;
