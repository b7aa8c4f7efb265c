//! Reading the file: as a whole, of a bounded size, and only one that nobody else can write.

use std::{io::Read, path::Path};

use crate::ownership;

/// The most that a config may hold: ten thousand secrets, with every key.
const BYTES: u64 = 4 << 20;

pub(super) fn read(path: &Path) -> Result<String, String> {
    let file = ownership::open(path).map_err(|error| {
        format!(
            "it can't be opened: {error}. Name another one with --config, or start from config.example.yaml"
        )
    })?;
    let meta = file.metadata().map_err(|error| format!("it can't be looked at: {error}"))?;
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    if let Some(why) = ownership::concern(&meta, ownership::UNCHANGED) {
        return Err(format!("whoever can change it decides who gets in, and {why}"));
    }
    let mut text = String::new();
    file.take(BYTES + 1).read_to_string(&mut text).map_err(|error| format!("it can't be read: {error}"))?;
    if text.len() as u64 > BYTES {
        return Err("it is larger than 4 MiB".to_owned());
    }
    Ok(text)
}
