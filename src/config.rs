//! The config file, parsed and checked.
//!
//! A [`Config`] that exists is sound: every relation that the promise rests on was checked when it
//! was read. All mistakes of a file are reported at once, each with its place. A wrong file changes
//! nothing.

use std::path::Path;

mod changes;
mod checked;
mod clients;
mod file;
mod glance;
mod mistakes;
mod names;
mod parse;
mod published;
mod secrets;
mod section;
mod store;
mod text;
mod times;
mod tls;
mod tree;
mod warnings;

pub use changes::changes;
pub use checked::{ClientConfig, Config, Role, SecretConfig, StoreConfig, TlsConfig};
pub use mistakes::{ConfigErrors, Mistake};
pub use names::{Unnamed, meant};
pub use section::Environment;

impl Config {
    /// Reads the file as a whole, once. `env` gives the values for `${NAME}`.
    pub fn load(path: &Path, env: Environment<'_>) -> Result<Self, ConfigErrors> {
        let text = file::read(path).map_err(|what| ConfigErrors::of_file(path, what))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder, env).map_err(|mistakes| ConfigErrors::new(path, &text, mistakes))
    }
}
