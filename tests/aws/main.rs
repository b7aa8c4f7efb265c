//! The AWS store on the strict fake, through the real SDK.

mod labels;
mod world;
