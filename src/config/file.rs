//! Reading the file: as a whole, of a bounded size, and only one that nobody else can write.

use std::{io::Read, path::Path};

use crate::ownership;

/// The most that a config may hold: ten thousand secrets, with every key.
const BYTES: u64 = 4 << 20;

pub(super) fn read(path: &Path) -> Result<String, String> {
    let text = String::from_utf8(read_bytes(path)?);
    text.map_err(|error| format!("it can't be read: it is no UTF-8 ({error})"))
}

/// As above, of whatever text.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
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
    let mut bytes = Vec::new();
    file.take(BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("it can't be read: {error}"))?;
    if bytes.len() as u64 > BYTES {
        return Err("it is larger than 4 MiB".to_owned());
    }
    Ok(bytes)
}
