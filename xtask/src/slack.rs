//! The bot of `examples/slack-bot`, with exactly what its lockfiles pin; and `cargo xtask demo`.

use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{emulators, part::Part, python, test, tools, typescript};

const TYPESCRIPT: &str = "examples/slack-bot/typescript";
const PINS: &str = include_str!("../../examples/slack-bot/python/requirements.txt");
const ENVIRONMENT: &str = "slack-bot";
const DEMO: &str = "crossfade-slack-demo";

/// The bot's script.
pub(crate) fn typescript() -> Result<PathBuf> {
    once("examples/slack-bot/typescript/build/bot.js", &[TYPESCRIPT], || {
        typescript::node()?;
        typescript::npm(TYPESCRIPT, &["ci", "--no-audit", "--no-fund"], &[])?;
        typescript::npm(TYPESCRIPT, &["run", "build"], &[])
    })
}

/// The example server's script.
fn server() -> Result<PathBuf> {
    let sources = ["clients/typescript", "clients/typescript/src", "examples/typescript"];
    once("examples/typescript/build/server.js", &sources, || typescript::build().map(drop))
}

/// Makes a script where a file in these folders has changed since the last time: a demo is not to wait for npm.
fn once(script: &str, sources: &[&str], make: impl FnOnce() -> Result<()>) -> Result<PathBuf> {
    let root = tools::root();
    let script = root.join(script);
    let mut files = Vec::new();
    for folder in sources {
        let entries = fs::read_dir(root.join(folder)).with_context(|| format!("{folder} can't be read"))?;
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.retain(|file| file.extension().is_some_and(|kind| kind == "ts" || kind == "json"));
    files.sort();
    let texts = files.iter().map(fs::read_to_string).collect::<io::Result<String>>()?;
    let print = format!("{:016x}", emulators::fingerprint(&texts));
    let stamp = script.with_extension("made-from");
    let installed = sources.last().is_some_and(|folder| root.join(folder).join("node_modules").exists());
    if !(installed && script.exists()) || fs::read_to_string(&stamp).ok().as_ref() != Some(&print) {
        make()?;
        fs::write(&stamp, print).with_context(|| format!("{} can't be written", stamp.display()))?;
    }
    Ok(script)
}

/// A Python that has what the bot needs.
pub(crate) fn python() -> Result<PathBuf> {
    python::environment(ENVIRONMENT, PINS, "the Slack bot")
}

/// What the end-to-end tests are told: where the bots are, and the demo, which is built with everything.
pub(crate) fn parts() -> [Part; 2] {
    let typescript = Part {
        name: "what the Slack bot in TypeScript needs".to_owned(),
        from: "npm",
        megabytes: 90,
        place: tools::root().join(TYPESCRIPT).join("node_modules"),
        fetch: || Ok(vec![("SLACK_BOT_TYPESCRIPT", typescript()?.into_os_string())]),
    };
    let python = Part {
        name: "what the Slack bot in Python needs".to_owned(),
        from: "PyPI",
        megabytes: 115,
        place: python::place(ENVIRONMENT, PINS),
        fetch: || Ok(vec![("SLACK_BOT_PYTHON", python()?.into_os_string())]),
    };
    [typescript, python]
}

/// Builds what is missing, and becomes the demo: a signal meets nobody else.
pub(crate) fn demo(server: &str, bot: &str) -> Result<()> {
    let built = programs()?;
    let server_program = match server {
        "rust" => built.join("crossfade-example-rmcp"),
        "typescript" => self::server()?,
        _ => python::python()?,
    };
    let bot_program = if bot == "typescript" { typescript()? } else { python()? };
    let error = command(&built, [(server, &server_program), (bot, &bot_program)]).exec();
    Err(error).context("the demo can't be started")
}

/// The folder of the demo's programs: of the tests' build where that alone is there, else of the README's first command.
fn programs() -> Result<PathBuf> {
    let [release, debug] = ["release", "debug"].map(|profile| tools::target().join(profile));
    if debug.join(DEMO).exists() && !release.join("crossfade").exists() {
        test::build()?;
        return Ok(debug);
    }
    // The daemon by itself, as that command builds it: together, each would be built with the features of all.
    for packages in [&["crossfade"][..], &["crossfade-testing-slack", "crossfade-example-rmcp"]] {
        eprintln!("xtask: cargo build --release --package {}", packages.join(" --package "));
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--release", "--bins"]);
        build.args(packages.iter().flat_map(|package| ["--package", package]));
        let status = build.status().context("cargo can't be started")?;
        ensure!(status.success(), "the build failed: see above");
    }
    Ok(release)
}

fn command(built: &Path, [(server, server_program), (bot, bot_program)]: [(&str, &PathBuf); 2]) -> Command {
    let mut demo = Command::new(built.join(DEMO));
    demo.arg("--daemon").arg(built.join("crossfade"));
    demo.args(["--server", server]).arg("--server-program").arg(server_program);
    demo.args(["--bot", bot]).arg("--bot-program").arg(bot_program);
    demo
}
