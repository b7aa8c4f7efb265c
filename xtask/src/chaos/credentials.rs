//! What a replica calls AWS with: a profile's file, which other tools renew.

use std::{fs, io, path::Path};

use crossfade_testing_secretsmanager::{
    Fake,
    faults::{Effect, Failure, Rule},
};

const FILE: &str = "credentials";

/// Where a replica's processes look.
pub(super) fn environment(folder: &Path) -> [(&'static str, std::ffi::OsString); 2] {
    [
        ("AWS_SHARED_CREDENTIALS_FILE", folder.join(FILE).into()),
        ("AWS_CONFIG_FILE", folder.join("no-aws-config").into()),
    ]
}

/// A replica's first access key: by it the fake knows who calls.
pub(super) fn first_key(name: &str) -> String {
    format!("AKID{}", name.to_uppercase())
}

/// The one that a renewal writes after that key; no two are alike.
fn next_key(key: &str) -> String {
    format!("{key}X")
}

/// The access key that stands in the file.
pub(super) fn key(folder: &Path) -> io::Result<String> {
    let text = fs::read_to_string(folder.join(FILE))?;
    let key = text.lines().find_map(|line| line.strip_prefix("aws_access_key_id = "));
    key.map(str::to_owned).ok_or_else(|| io::Error::other("the profile has no access key"))
}

/// Makes it the key that stands there.
pub(super) fn write(folder: &Path, key: &str) -> io::Result<()> {
    let (path, new) = (folder.join(FILE), folder.join("credentials.new"));
    fs::write(&new, format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = none\n"))?;
    // As a whole, as tools that renew it do.
    fs::rename(new, path)
}

/// Writes the next key, and lets the one before expire.
pub(super) fn renew(folder: &Path, fake: &Fake) -> io::Result<()> {
    let old = key(folder)?;
    write(folder, &next_key(&old))?;
    fake.fault(Rule::once(Effect::FailBefore(Failure::ExpiredToken)).by(&old).always());
    Ok(())
}
