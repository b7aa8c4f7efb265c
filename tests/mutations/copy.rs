//! A copy of the modules that decide, alone: they may use nothing else (`tests/architecture.rs` keeps
//! that), so a cut in them is compiled in a second.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the deciding modules are made of. Of `src/`, nothing else is copied.
const COPIED: [&str; 5] = ["Cargo.lock", "src/labels.rs", "src/time.rs", "src/rotation", "verify"];
const LIB: &str = "#[macro_use]\nmod labels;\npub mod rotation;\npub mod time;\n";
const ROTATION: &str = "pub mod plan;\npub mod policy;\npub mod ring;\npub mod schedule;\n";

/// What they depend on; the other dependencies are left out.
const DEPENDENCIES: [&str; 8] =
    ["crossfade-verify", "croner", "jiff", "proptest", "serde", "sha2", "thiserror", "uuid"];

pub(crate) struct Copy {
    folder: PathBuf,
}

/// How a run of tests ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Passed,
    /// These tests failed.
    Failed(BTreeSet<String>),
    /// No test ran: the cut does not even compile.
    Broken(String),
}

impl Copy {
    pub(crate) fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
        // What was built stays; the sources are made anew.
        for part in ["src", "verify"] {
            let _ = fs::remove_dir_all(folder.join(part));
        }
        let copy = Self { folder };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in COPIED {
            copy.take(&root.join(part), Path::new(part));
        }
        copy.write("src/lib.rs", LIB);
        copy.write("src/rotation.rs", ROTATION);
        copy.write(
            "Cargo.toml",
            &manifest(&fs::read_to_string(root.join("Cargo.toml")).expect("a manifest")),
        );
        copy
    }

    fn take(&self, from: &Path, to: &Path) {
        if from.is_dir() {
            for entry in fs::read_dir(from).expect("a folder") {
                let entry = entry.expect("an entry");
                self.take(&entry.path(), &to.join(entry.file_name()));
            }
        } else {
            self.write(&to.to_string_lossy(), &fs::read_to_string(from).expect("a text file"));
        }
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a write");
    }

    /// Runs those tests of the target whose names contain the filter.
    pub(crate) fn test(&self, target: &[&str], filter: &str) -> Ending {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--quiet", "--offline"]).args(target).args(["--", filter]);
        cargo.current_dir(&self.folder).env("CARGO_TARGET_DIR", self.folder.join("target"));
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "1");
        cargo.env("RUSTFLAGS", "--cap-lints allow").env_remove("CROSSFADE_FULL");
        let output = cargo.output().expect("cargo");
        let said = String::from_utf8_lossy(&output.stdout);
        let names = said.lines().filter_map(|line| line.strip_prefix("---- "));
        let failed = names.filter_map(|line| line.strip_suffix(" stdout ----"));
        let failed: BTreeSet<String> =
            failed.map(|name| name.rsplit("::").next().unwrap_or(name).to_owned()).collect();
        match (output.status.success(), failed.is_empty()) {
            (true, _) => Ending::Passed,
            (false, false) => Ending::Failed(failed),
            (false, true) => Ending::Broken(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

/// The workspace's manifest, with the members and dependencies that the copy has.
fn manifest(whole: &str) -> String {
    let (mut section, mut kept) = ("", String::new());
    let (before, members) = whole.split_once("members = [").expect("members");
    let (_, after) = members.split_once(']').expect("their end");
    let whole = format!("{before}members = [\"verify\"]{after}");
    for line in whole.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        let listed = section.ends_with("dependencies]") && !section.starts_with("[workspace");
        let dropped =
            section == "[[example]]" || listed && line.contains('=') && !DEPENDENCIES.contains(&name);
        if !dropped {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
