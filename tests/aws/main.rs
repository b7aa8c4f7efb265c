//! The AWS store on the strict fake, through the real SDK.

mod adoption;
mod by_hand;
mod crowded;
mod edits;
mod faults;
mod format;
mod gone;
mod hand_outs;
mod labels;
mod moments;
mod parked;
mod replicas;
mod same_token;
mod unread;
mod world;
