//! A real browser for `tests/proxies`, from npm, in exactly the version that `tests/browser/package-lock.json` pins. It
//! brings the libraries that it needs, so a machine without a desktop will do.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{emulators::fingerprint, part::Part, tools, typescript};

const PACKAGE: &str = include_str!("../../tests/browser/package.json");
/// Changes with every pin, and so makes a new folder.
const LOCK: &str = include_str!("../../tests/browser/package-lock.json");

pub(crate) fn part() -> Part {
    let name = "Chromium and playwright-core".to_owned();
    let fetch = || Ok(vec![("BROWSER", unpacked()?.into_os_string())]);
    Part { name, from: "npm", megabytes: 290, place: place("unpacked"), fetch }
}

fn place(what: &str) -> PathBuf {
    tools::folder().join(format!("browser-{what}-{:016x}", fingerprint(LOCK)))
}

/// A folder with the browser, its libraries, and the `node_modules` that drive it.
fn unpacked() -> Result<PathBuf> {
    typescript::node()?;
    let (folder, packages) = (place("unpacked"), place("packages"));
    if folder.exists() {
        return Ok(folder);
    }
    tools::npm(&packages, [PACKAGE, LOCK], &["npm"])?;
    let made = tools::whole(&folder, |work| {
        let project = work.join("project");
        fs::rename(&packages, &project)?;
        let script = tools::root().join("tests/browser/unpack.mjs");
        fs::copy(script, project.join("unpack.mjs"))?;
        let mut node = Command::new("node");
        node.arg("unpack.mjs").current_dir(&project).env("TMPDIR", &project);
        // By this the package knows that the machine may have none of the libraries.
        node.env("AWS_EXECUTION_ENV", "AWS_Lambda_nodejs20.x");
        tools::done(&mut node)?;
        Ok(project)
    });
    made.context("the browser can't be unpacked")?;
    Ok(folder)
}
