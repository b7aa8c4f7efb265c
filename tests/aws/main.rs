//! The AWS store on the strict fake, through the real SDK.

mod adoption;
mod labels;
mod world;
