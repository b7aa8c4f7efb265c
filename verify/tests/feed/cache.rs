//! A start without the daemon.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use crossfade_verify::{Verdict, Verifier};
use sha2::{Digest as _, Sha256};

use crate::{
    machine::TestMachine,
    server::{AUDIENCE, NEW, STRANGE, Server, TOKEN, Told, accepts, feed, good, has},
};

/// A cache that a verifier has left behind, its feed gone.
async fn left_behind(folder: &Path) -> (String, std::path::PathBuf) {
    let server = Server::start(good(&[TOKEN])).await;
    let file = folder.join("digests");
    let verifier =
        Verifier::connect(feed(&server.url).0.cache(&file), AUDIENCE).await.expect("good settings");
    assert!(accepts(&verifier, TOKEN));
    crate::server::until("it is written", || file.exists()).await;
    (server.url.clone(), file)
}

/// The same with a checksum that fits.
fn sealed(text: &str) -> String {
    let (_, rest) = text.split_once('\n').expect("a line");
    let sum: String = Sha256::digest(rest).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{\"format\":2,\"sha256\":\"{sum}\"}}\n{rest}")
}

/// Starts again with that file.
async fn again(urls: &str, file: &Path, machine: &Arc<TestMachine>, audience: &str) -> (Verifier, Told) {
    let (feed, told) = feed(urls);
    let feed = feed.cache(file).machine(machine.clone());
    (Verifier::connect(feed, audience).await.expect("good settings"), told)
}

#[tokio::test]
async fn it_accepts_what_it_knew_and_refuses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, file) = left_behind(folder.path()).await;
    let about = fs::metadata(&file).expect("a file");
    assert_eq!((about.mode() & 0o777, about.is_file()), (0o600, true));
    let text = fs::read_to_string(&file).expect("text");
    assert!(!text.contains(TOKEN.split_at(10).1) || text.contains("\"version\""), "digests only");
    let machine = Arc::new(TestMachine::default());
    let (verifier, told) = again(&url, &file, &machine, AUDIENCE).await;
    assert!(has(&told, "from the cache"));
    assert!(accepts(&verifier, TOKEN));
    assert_eq!(verifier.verify(STRANGE), Verdict::Unsure);
    assert!(!verifier.status().fresh);
}

#[tokio::test]
async fn hold_goes_on_from_the_last_view_however_often_it_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, file) = left_behind(folder.path()).await;
    let machine = Arc::new(TestMachine::default());
    // Three restarts, some eight hours apart.
    for hour in [8, 16, 23] {
        machine.pass(hour * 3_600_000 - passed(&machine));
        let (verifier, _) = again(&url, &file, &machine, AUDIENCE).await;
        assert!(accepts(&verifier, TOKEN), "{hour} hours");
        assert!(verifier.status().age >= Some(Duration::from_secs(hour * 3_600)));
    }
    machine.pass(3_600_001);
    let (verifier, _) = again(&url, &file, &machine, AUDIENCE).await;
    assert_eq!(verifier.verify(TOKEN), Verdict::Unsure, "a day has gone by");
}

fn passed(machine: &TestMachine) -> u64 {
    use crossfade_verify::{Clock as _, feed::ThisMachine};
    (machine.moment().boot_ms - ThisMachine.moment().boot_ms) / 3_600_000 * 3_600_000
}

#[tokio::test]
async fn after_a_reboot_the_wall_clock_tells_and_one_that_was_set_back_tells_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, file) = left_behind(folder.path()).await;
    let text = fs::read_to_string(&file).expect("text");
    let rebooted = |wall: &str| {
        let at = text.find("\"boot\":\"").expect("a boot id") + 8;
        let mut text = text.clone();
        text.replace_range(at..at + 8, "deadbeef");
        let at = text.find("\"wall_ms\":").expect("a time") + 10;
        let end = at + text[at..].find(',').expect("its end");
        let wall_ms: i64 = text[at..end].parse().expect("a number");
        let moved = wall_ms + wall.parse::<i64>().expect("a number");
        text.replace_range(at..end, &moved.to_string());
        fs::write(&file, sealed(&text)).expect("a write");
    };
    let machine = Arc::new(TestMachine::default());
    rebooted("-7200000");
    let (verifier, _) = again(&url, &file, &machine, AUDIENCE).await;
    assert!(verifier.status().age >= Some(Duration::from_secs(7_200)) && accepts(&verifier, TOKEN));
    rebooted("7200000");
    let (verifier, told) = again(&url, &file, &machine, AUDIENCE).await;
    assert_eq!(verifier.verify(TOKEN), Verdict::Unsure);
    assert!(has(&told, "how old it is can't be told"), "{told:?}");
}

#[tokio::test]
async fn what_is_not_ours_or_not_whole_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, file) = left_behind(folder.path()).await;
    let text = fs::read_to_string(&file).expect("text");
    let machine = Arc::new(TestMachine::default());
    let unused = async |what: &str, urls: &str, file: &Path, audience: &str, words: &str| {
        let (verifier, told) = again(urls, file, &machine, audience).await;
        assert_eq!(verifier.verify(TOKEN), Verdict::Unsure, "{what}");
        assert!(has(&told, words), "{what}: {told:?}");
    };
    unused("another feed", "http://127.0.0.1:1", &file, AUDIENCE, "another feed").await;
    unused("another audience", &url, &file, "https://b", "another audience").await;
    for (what, bad, words) in [
        ("half of it", text[..text.len() / 2].to_owned(), "damaged"),
        ("its first line alone", text.lines().next().expect("a line").to_owned(), "damaged"),
        ("another age", text.replacen("\"age_ms\":", "\"age_ms\":9", 1), "damaged"),
        ("a later format", text.replacen("\"format\":2", "\"format\":3", 1), "of a format"),
    ] {
        fs::write(&file, bad).expect("a write");
        unused(what, &url, &file, AUDIENCE, words).await;
    }
    fs::write(&file, "").expect("a write");
    let (verifier, told) = again(&url, &file, &machine, AUDIENCE).await;
    assert!(
        verifier.verify(TOKEN) == Verdict::Unsure && !has(&told, "of no use"),
        "as if there were none: {told:?}"
    );
    fs::write(&file, &text).expect("a write");
    let chmod = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("permissions");
    for mode in [0o604, 0o602, 0o664] {
        chmod(mode);
        unused("open to others", &url, &file, AUDIENCE, "mode 0600").await;
    }
    chmod(0o660);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&file, None, Some(4_242)).expect("another group");
        unused("open to a group that is none of ours", &url, &file, AUDIENCE, "mode 0600").await;
        std::os::unix::fs::chown(&file, None, Some(rustix::process::getegid().as_raw())).expect("our group");
    }
    let (verifier, told) = again(&url, &file, &machine, AUDIENCE).await;
    assert!(accepts(&verifier, TOKEN), "as kubelet makes it for a group of ours: {told:?}");
    chmod(0o600);
    let (verifier, _) = again(&url, &file, &machine, AUDIENCE).await;
    assert!(accepts(&verifier, TOKEN), "the same file, as it was, is used");
}

#[tokio::test]
async fn a_daemon_that_comes_back_makes_it_whole_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(good(&[TOKEN])).await;
    let file = folder.path().join("digests");
    let connect = || Verifier::connect(feed(&server.url).0.cache(&file), AUDIENCE);
    drop(connect().await.expect("good settings"));
    crate::server::until("it is written", || file.exists()).await;
    server.now(good(&[NEW]));
    let verifier = connect().await.expect("good settings");
    assert!(accepts(&verifier, NEW) && !accepts(&verifier, TOKEN) && verifier.status().fresh);
    let asked = server.asked();
    let first = asked.iter().rev().find(|asked| !asked.is_held()).expect("a request");
    assert_eq!(first.header("if-none-match"), None, "what a file says of its tag is not believed");
    let kept = || fs::read_to_string(&file).expect("text").contains(&format!("\"version\":\"{NEW}\""));
    crate::server::until("the new set is kept", kept).await;
}
