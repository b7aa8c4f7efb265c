//! Files as Kubernetes and systemd hand them out: of root and a group, whatever they were before.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::fs::XattrFlags;

use crate::{
    process::{Daemon, call},
    world::{SECRET, World, until},
};

/// Whoever the daemon runs as in a container, and the `fsGroup` that its volumes are given to.
const USER: u32 = 65_532;
const GROUP: u32 = 7_777;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode()
}

/// What kubelet does to a volume at each mount, where the pod has an `fsGroup`.
fn kubelet(path: &Path) {
    let about = fs::symlink_metadata(path).expect("it is there");
    std::os::unix::fs::lchown(path, None, Some(GROUP)).expect("a group");
    if about.is_symlink() {
        return;
    }
    chmod(path, mode(path) | if about.is_dir() { 0o2770 } else { 0o660 });
    if about.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            kubelet(&entry.expect("an entry").path());
        }
    }
}

/// A world whose commands and daemon are run by that user, with that group beside its own.
struct Pod {
    world: World,
    program: PathBuf,
}

impl Pod {
    /// None where nobody else can be made of us.
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("not run: only root gives files away");
            return None;
        }
        let world = World::new("60s");
        // It may lie where no other user gets to.
        let program = world.path("crossfade");
        let built = Path::new(env!("CARGO_BIN_EXE_crossfade"));
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).expect("a copy");
        chmod(world.folder.path(), 0o755);
        fs::create_dir(world.path("data")).expect("a folder");
        Some(Self { world, program })
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new("setpriv");
        let (user, group) = (USER.to_string(), GROUP.to_string());
        command.args(["--reuid", &user, "--regid", &user, "--groups", &group]).arg(&self.program).arg(verb);
        command.current_dir(self.world.folder.path()).env_remove("CROSSFADE_CONFIG").stdin(Stdio::null());
        command
    }

    /// A start that becomes ready, a rotation, and a stop.
    fn runs(&self, what: &str) {
        let mut daemon = Daemon::start(self.command("serve").args(["--log-format", "text"]));
        until(what, || {
            assert!(!daemon.log().contains("error: "), "{what}: {}", daemon.log());
            call(self.world.metrics, "GET", "/readyz", &[], "").ok().filter(|answer| answer.status == 200)
        });
        let ordered = self.command("rotate").args([SECRET, "--wait"]).output().expect("it starts");
        assert!(ordered.status.success(), "{what}: {ordered:?}");
        daemon.signal("-TERM");
        assert!(daemon.exit().success(), "{what}: {}", daemon.log());
    }

    fn store(&self, keys: &str) {
        let path = self.world.path("config.yaml");
        let config = fs::read_to_string(&path).expect("the config");
        fs::write(path, config.replace("{kind: embedded}", &format!("{{kind: embedded, {keys}}}")))
            .expect("a write");
    }
}

#[test]
fn a_volume_that_kubelet_gives_to_our_group_is_started_on_again_and_again() {
    let Some(pod) = Pod::new() else { return };
    let data = pod.world.path("data");
    for start in ["the first start", "the second", "the third"] {
        kubelet(&data);
        pod.runs(start);
    }
    kubelet(&data);
    let said = pod.command("audit").args(["verify", "data/audit.jsonl"]).output().expect("it starts");
    assert!(said.status.success(), "{said:?}");
}

#[test]
fn a_key_from_a_secret_volume_is_taken_and_one_of_another_group_is_not() {
    let Some(pod) = Pod::new() else { return };
    chown(pod.world.path("data"), Some(USER), Some(USER)).expect("an owner");
    // As kubelet lays a Secret out: a link to a link, and root's file for the group to read.
    let keys = pod.world.path("keys");
    fs::create_dir_all(keys.join("..2026_11_30")).expect("a folder");
    let key = keys.join("..2026_11_30/key");
    fs::write(&key, [7; 32]).expect("a key");
    chmod(&key, 0o440);
    kubelet_secret(&keys);
    symlink("..2026_11_30", keys.join("..data")).expect("a link");
    symlink("..data/key", keys.join("key")).expect("a link");
    pod.store("key_file: keys/key");
    pod.runs("with a key from a Secret");
    chown(&key, None, Some(4_242)).expect("a group");
    chmod(&key, 0o444);
    let refused = pod.command("serve").output().expect("it starts");
    assert_eq!(refused.status.code(), Some(1), "everybody can read it: {refused:?}");
    chmod(&key, 0o440);
    chown(&key, Some(USER), Some(4_242)).expect("an owner");
    let refused = pod.command("serve").output().expect("it starts");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("group 4242"), "{refused:?}");
}

fn kubelet_secret(folder: &Path) {
    for path in [folder.to_owned(), folder.join("..2026_11_30"), folder.join("..2026_11_30/key")] {
        chown(path, Some(0), Some(GROUP)).expect("a group");
    }
}

#[test]
fn a_key_from_systemd_is_taken_whose_reader_stands_in_an_access_control_list() {
    let Some(pod) = Pod::new() else { return };
    chown(pod.world.path("data"), Some(USER), Some(USER)).expect("an owner");
    let key = pod.world.path("key");
    fs::write(&key, [7; 32]).expect("a key");
    chmod(&key, 0o400);
    // Root reads it, and so does our user; the mask of the list stands where a group's rights stand else.
    let entry = |tag: u16, right: u16, id: u32| {
        [&tag.to_le_bytes()[..], &right.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let list = [
        entry(1, 4, u32::MAX),
        entry(2, 4, USER),
        entry(4, 0, u32::MAX),
        entry(16, 4, u32::MAX),
        entry(32, 0, u32::MAX),
    ];
    let list = [2_u32.to_le_bytes().to_vec(), list.concat()].concat();
    if rustix::fs::setxattr(&key, "system.posix_acl_access", &list, XattrFlags::empty()).is_err() {
        return println!("not run: this file system has no access control lists");
    }
    assert_eq!(mode(&key) & 0o777, 0o440, "as systemd's are seen");
    pod.store("key_file: key");
    pod.runs("with a key from LoadCredential=");
}

/// A mount that goes with its test.
struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn an_empty_dir_which_everybody_may_write_is_started_on_and_a_plain_folder_like_it_is_not() {
    let Some(pod) = Pod::new() else { return };
    let data = pod.world.path("data");
    kubelet(&data);
    chmod(&data, 0o2777);
    let refused = pod.command("serve").output().expect("it starts");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("2777") && said.contains("a folder below it"), "{said}");
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "mode=0777", "tmpfs"]).arg(&data).stderr(Stdio::null());
    if !mount.status().is_ok_and(|status| status.success()) {
        return println!("not run: nothing can be mounted here");
    }
    let mount = Mount(data);
    for start in ["the first start", "the second"] {
        kubelet(&mount.0);
        pod.runs(start);
    }
}

#[test]
fn a_config_that_another_group_may_write_is_refused_and_one_that_ours_may_is_warned_of_on_a_plain_host() {
    let world = World::new("4s");
    let config = world.path("config.yaml");
    chmod(&config, 0o660);
    assert!(world.ok(&["check"]).contains("warning: everybody in our group can change the config"));
    let in_kubernetes =
        world.command("check").env("KUBERNETES_SERVICE_HOST", "10.0.0.1").output().expect("it starts");
    let said = String::from_utf8_lossy(&in_kubernetes.stdout);
    assert!(in_kubernetes.status.success() && !said.contains("in our group"), "{said}");
    chmod(&config, 0o666);
    assert!(world.fails(2, &["check"]).contains("lets in others"));
    if rustix::process::geteuid().is_root() {
        chown(&config, None, Some(4_242)).expect("a group");
        chmod(&config, 0o664);
        assert!(world.fails(2, &["check"]).contains("group 4242"));
        assert!(world.fails(2, &["serve"]).contains("decides who gets in"));
    }
}

#[test]
fn what_a_user_may_not_look_into_is_not_told_as_absent() {
    let Some(pod) = Pod::new() else { return };
    let _daemon = pod.world.start();
    chmod(&pod.world.path("data"), 0o700);
    for command in [
        &["status"][..],
        &["token", SECRET],
        &["rotate", SECRET],
        &["revoke", SECRET, "--all", "--yes"],
        &["check", "--live"],
    ] {
        let output = pod.command(command[0]).args(&command[1..]).output().expect("it starts");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{command:?}: {said}");
        assert!(said.contains("Permission denied"), "{command:?}: {said}");
        for claim in ["there is no store", "is made at the first start", "no daemon"] {
            assert!(!said.contains(claim), "{command:?} can't know that {claim:?}: {said}");
        }
    }
}
