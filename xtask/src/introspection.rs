//! Other people's libraries that introspect tokens, for `tests/daemon`: from npm, in exactly the versions that
//! `tests/introspection/package-lock.json` pins.

use std::path::PathBuf;

use anyhow::Result;

use crate::{emulators::fingerprint, part::Part, tools, typescript};

const PACKAGE: &str = include_str!("../../tests/introspection/package.json");
/// Changes with every pin, and so makes a new folder.
const LOCK: &str = include_str!("../../tests/introspection/package-lock.json");

pub(crate) fn part() -> Part {
    let name = "openid-client and oauth4webapi".to_owned();
    let fetch = || Ok(vec![("INTROSPECTION_CLIENTS", modules()?.into_os_string())]);
    Part { name, from: "npm", megabytes: 2, place: place(), fetch }
}

fn place() -> PathBuf {
    tools::folder().join(format!("introspection-{:016x}", fingerprint(LOCK)))
}

fn modules() -> Result<PathBuf> {
    typescript::node()?;
    let folder = place();
    tools::npm(&folder, [PACKAGE, LOCK], &["npm"])?;
    Ok(folder)
}
