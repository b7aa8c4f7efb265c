//! Where a secret is looked for, and in which spellings.

use std::{fs, path::Path};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};

/// A place that was searched, and what stood there.
pub(crate) type Haystack = Vec<(String, Vec<u8>)>;

/// The ways in which a secret can stand in bytes: as it is, in hex, in base64 at each offset, and as
/// numbers.
pub(crate) fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let decimal = |glue: &str| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(glue);
    let mut found = vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    found.extend([decimal(", ").into_bytes(), decimal(",").into_bytes(), decimal(" ").into_bytes()]);
    for offset in 0..3 {
        // What stands before shifts the groups of three; the characters at both ends depend on it.
        let shifted = [&b"\0\0"[..offset], bytes].concat();
        for text in [BASE64_STANDARD_NO_PAD.encode(&shifted), BASE64_URL_SAFE_NO_PAD.encode(&shifted)] {
            found.push(text.as_bytes()[4..text.len() - 4].to_vec());
        }
    }
    found
}

pub(crate) fn search(secrets: &[String], haystack: &Haystack) -> Vec<String> {
    let mut found = Vec::new();
    for (n, secret) in secrets.iter().enumerate() {
        for (spelling, needle) in spellings(secret).iter().enumerate() {
            for (place, bytes) in haystack {
                if bytes.windows(needle.len()).any(|window| window == needle) {
                    found.push(format!("secret {n}, spelling {spelling}, in {place}"));
                }
            }
        }
    }
    found
}

pub(crate) fn files(folder: &Path, haystack: &mut Haystack) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, haystack);
        } else if let Ok(bytes) = fs::read(&path) {
            haystack.push((path.display().to_string(), bytes));
        }
    }
}
