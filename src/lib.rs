pub mod clock;
pub mod config;
pub mod rotation;
pub mod store;
pub mod time;
pub mod token;
