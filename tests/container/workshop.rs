//! Where images are built: a folder of its own under `target/`, with a store of images of its own, gone
//! with the test. What an earlier run left when it was killed is cleared away first.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use crossfade_testing_fleet::process::as_root;
use serde_json::Value;

/// Set by `cargo xtask test --system`: the static binary.
const STATIC: &str = "CROSSFADE_STATIC";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Workshop {
    pub(crate) folder: PathBuf,
    pub(crate) binary: PathBuf,
}

/// Runs a program as root that has to succeed; what it says.
pub(crate) fn root(program: &str, arguments: &[&str]) -> String {
    let output = as_root(program).args(arguments).output();
    let output =
        output.unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask test --system` installs it"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {}: {stderr}", arguments.join(" "), output.status);
    String::from_utf8(output.stdout).expect("text")
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

impl Workshop {
    /// None where no static binary is named.
    pub(crate) fn open() -> Option<Self> {
        let Some(binary) = std::env::var_os(STATIC) else {
            println!(
                "not run: {STATIC} names no static binary; `cargo xtask test --system` builds one and sets it"
            );
            return None;
        };
        let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/container");
        sweep(&all);
        let folder = all.join(format!("{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let context = folder.join("context");
        fs::create_dir_all(context.join("data")).expect("a folder");
        fs::copy(&binary, context.join("crossfade")).expect("the static binary");
        fs::copy(CERTIFICATES, context.join("ca-certificates.crt")).expect("the certificates");
        Some(Self { folder, binary: binary.into() })
    }

    fn buildah(&self, arguments: &[&str]) -> String {
        let [storage, state] = ["storage", "state"].map(|name| self.folder.join(name));
        let ours = ["--storage-driver", "vfs", "--root", text(&storage), "--runroot", text(&state)];
        root("buildah", &[&ours, arguments].concat())
    }

    /// Builds the image as docs/container.md says, from the static binary; its id is the digest of its config,
    /// which names its layers.
    pub(crate) fn build(&self, name: &str, format: &str) -> String {
        let document = include_str!("../../docs/container.md");
        let line =
            document.lines().find_map(|line| line.strip_prefix("buildah bud ")).expect("how it is built");
        let context = self.folder.join("context");
        let words = line.split(' ').map(|word| match word {
            "target/image" => text(&context),
            "crossfade" => name,
            word => word,
        });
        let ours = ["bud", "--quiet", "--isolation", "chroot", "--format", format];
        self.buildah(&ours.into_iter().chain(words).collect::<Vec<_>>()).trim().to_owned()
    }

    /// The digest of the manifest, by which a registry would know the image.
    pub(crate) fn digest(&self, name: &str) -> String {
        let images: Value = serde_json::from_str(&self.buildah(&["images", "--json", name])).expect("JSON");
        images[0]["digest"].as_str().expect("a digest").to_owned()
    }

    /// What the image says about itself, in Docker's words.
    pub(crate) fn describe(&self, name: &str) -> Value {
        let inspected = self.buildah(&["inspect", "--type", "image", name]);
        let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
        inspected["Docker"].clone()
    }

    /// The image's files, as a folder of their own.
    pub(crate) fn unpack(&self, name: &str) -> PathBuf {
        let container = self.buildah(&["from", name]);
        self.buildah(&["mount", container.trim()]).trim().into()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        drop(as_root("rm").args(["-rf", text(&self.folder)]).output());
    }
}

/// What is left of processes that are gone: their containers are ended, their folders removed.
fn sweep(all: &Path) {
    for folder in fs::read_dir(all).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let process = name.split('-').next().unwrap_or_default();
        if process.is_empty() || Path::new("/proc").join(process).exists() {
            continue;
        }
        let runc = folder.join("runc");
        let left = as_root("runc").args(["--root", text(&runc), "list", "--quiet"]).output();
        for container in left.map(|left| left.stdout).unwrap_or_default().split(|byte| *byte == b'\n') {
            let container = String::from_utf8_lossy(container);
            if !container.is_empty() {
                let delete = ["--root", text(&runc), "delete", "--force", &container];
                drop(as_root("runc").args(delete).output());
            }
        }
        drop(as_root("rm").args(["-rf", text(&folder)]).output());
    }
}

/// For a container's commands: as [`root`], but without a word on how it ends.
pub(crate) fn runc(state: &Path, arguments: &[&str]) -> Command {
    let mut command = as_root("runc");
    command.args(["--root", text(state)]).args(arguments);
    command
}
