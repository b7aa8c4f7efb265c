//! The AWS store on the strict fake, through the real SDK.

mod faults;
mod labels;
mod replicas;
mod world;
