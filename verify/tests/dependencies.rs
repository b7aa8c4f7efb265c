//! What embedding the verifier costs in crates, counted in the real tree.

use std::{collections::BTreeSet, process::Command};

/// The crates below this one, itself included, with these features.
fn crates(features: &str) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--package", "crossfade-verify", "--edges", "normal,build", "--prefix", "none"]);
    tree.args(["--offline", "--locked", "--format", "{p}", "--no-default-features", "--features", features]);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let names = text.lines().filter_map(|line| Some(line.split(" (").next()?.to_owned()));
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn few_crates_come_along() {
    for (features, at_most) in
        [("", 12), ("tower", 32), ("http", 45), ("tower,http", 45), ("tower,http,tls", 60)]
    {
        let crates = crates(features);
        println!("{features:>16}: {}", crates.len());
        assert!(crates.len() <= at_most, "{features}: {} of at most {at_most}: {crates:?}", crates.len());
    }
}

#[test]
fn the_core_brings_nothing_that_reaches_outside() {
    let core = crates("");
    for name in ["tokio", "hyper", "rustix", "libc", "serde", "tracing"] {
        assert!(!core.iter().any(|krate| krate.starts_with(&format!("{name} "))), "{name}: {core:?}");
    }
}
