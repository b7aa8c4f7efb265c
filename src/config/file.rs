//! Reading the file: as a whole, of a bounded size, and only one that nobody else can write.

use std::{fs::File, io::Read, os::unix::fs::MetadataExt, path::Path};

/// The most that a config may hold: ten thousand secrets, with every key.
const BYTES: u64 = 4 << 20;

pub(super) fn read(path: &Path) -> Result<String, String> {
    let text = String::from_utf8(read_bytes(path)?);
    text.map_err(|error| format!("it can't be read: it is no UTF-8 ({error})"))
}

/// As above, of whatever text.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| {
        format!(
            "it can't be opened: {error}. Name another one with --config, or start from config.example.yaml"
        )
    })?;
    let meta = file.metadata().map_err(|error| format!("it can't be looked at: {error}"))?;
    let us = rustix::process::geteuid().as_raw();
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    if meta.mode() & 0o002 != 0 {
        return Err("everybody can write it, and so decide who gets in: chmod o-w it".to_owned());
    }
    if meta.uid() != 0 && meta.uid() != us {
        return Err(format!(
            "it belongs to uid {}, who could decide who gets in: chown it to root or to uid {us}",
            meta.uid()
        ));
    }
    let mut bytes = Vec::new();
    file.take(BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("it can't be read: {error}"))?;
    if bytes.len() as u64 > BYTES {
        return Err("it is larger than 4 MiB".to_owned());
    }
    Ok(bytes)
}
