//! Disks that do not do what they are asked to, in processes of their own.

use std::{
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
    process::Command,
};

use crossfade::{
    rotation::plan::Step,
    store::{WriteError, embedded::OpenError},
};
use rustix::process::geteuid;

use crate::{
    embedded::{message, new_year, open, read, revision, ring, sqlite, tries},
    files::{closed_store, contents},
};

const DIRECTORY: &str = "CROSSFADE_TEST_DIRECTORY";
/// "nobody", on most systems.
const NOBODY: u32 = 65_534;

/// This test binary again, running one of its ignored tests.
pub fn again(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(DIRECTORY, directory);
    command
}

/// Where the process that runs this was told to work; none where nobody told it.
#[expect(clippy::disallowed_methods, reason = "the way by which a test's child is told")]
pub fn directory() -> Option<std::path::PathBuf> {
    std::env::var_os(DIRECTORY).map(Into::into)
}

#[tokio::test]
async fn on_a_full_disk_steps_are_unavailable_reads_go_on_and_nothing_is_lost() {
    let data = closed_store().await;
    let child = again("disk::child_that_fills_the_disk", data.path());
    // A limit on file sizes fails as a full disk does, halfway through a write.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 160; exec \"$@\"", "sh"]).arg(child.get_program());
    let output = limited.args(child.get_args()).env(DIRECTORY, data.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let acknowledged: u64 =
        stdout.lines().find_map(|l| l.strip_prefix("revision ")).unwrap().parse().unwrap();
    let store = open(data.path(), new_year()).unwrap();
    assert_eq!(revision(&sqlite(data.path())), acknowledged);
    let current = ring(&store).await.current.id;
    tries(&store, Step::Keep { current }).await.unwrap();
}

#[tokio::test]
#[ignore = "run by another test, under a limit"]
async fn child_that_fills_the_disk() {
    let Some(directory) = directory() else { return };
    let store = open(&directory, new_year()).unwrap();
    for _ in 0..10_000 {
        let before = read(&store).await;
        let current = before.ring.clone().unwrap().current.id;
        if let Err(error) = tries(&store, Step::Keep { current }).await {
            assert!(matches!(error, WriteError::Unavailable(_)), "{error:?}");
            assert!(message(&error).contains("disk"), "{}", message(&error));
            assert_eq!(read(&store).await, before);
            println!("\nrevision {}", revision(&sqlite(&directory)));
            return;
        }
    }
    panic!("the disk was never full");
}

#[tokio::test]
async fn in_a_directory_that_can_t_be_written_the_start_fails_with_a_message() {
    let data = closed_store().await;
    let mut child = again("disk::child_in_a_read_only_directory", data.path());
    if geteuid().is_root() {
        // Nothing is read-only for root.
        for path in contents(data.path()).into_keys().chain([data.path().to_owned()]) {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        child.uid(NOBODY).gid(NOBODY);
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode;
    std::fs::set_permissions(data.path(), mode(0o500)).unwrap();
    let before = contents(data.path());
    let result = child.output();
    std::fs::set_permissions(data.path(), mode(0o700)).unwrap();
    let output = match result {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return eprintln!("skipped: another user can't run this binary where it lies");
        }
        output => output.unwrap(),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert!(contents(data.path()) == before, "something was changed");
}

#[tokio::test]
#[ignore = "run by another test, as a user without rights"]
async fn child_in_a_read_only_directory() {
    let Some(directory) = directory() else { return };
    let error = open(&directory, new_year()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Unavailable { .. }), "{error:?}");
    assert!(message(&error).contains("read-only") || message(&error).contains("can't be opened"), "{error}");
}
