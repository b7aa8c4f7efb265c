//! A cache path at which something else stands: it is an error at the start, and left alone.

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crossfade_verify::Verifier;

use crate::server::{AUDIENCE, NEW, Server, TOKEN, accepts, feed, good, has, until};

const OTHERS: &str = "[Unit]\nDescription=not ours\n";

/// What stands at a path: its kind, its number, and what is in it.
fn standing(path: &Path) -> (String, u64, u64, Option<Vec<u8>>) {
    let about = fs::symlink_metadata(path).expect("something stands there");
    let content = about.is_file().then(|| fs::read(path).expect("a read"));
    (format!("{:?}", about.file_type()), about.ino(), about.size(), content)
}

/// What the shell makes at that path.
fn made(command: &str, path: &Path) -> bool {
    Command::new("sh").args(["-c", command]).arg(path).status().expect("a shell").success()
}

/// One of each kind, in that folder.
fn all_kinds(folder: &Path) -> Vec<PathBuf> {
    let at = |name: &str| folder.join(name);
    fs::write(at("settings"), OTHERS).expect("a write");
    fs::create_dir(at("folder")).expect("a folder");
    symlink(at("settings"), at("link")).expect("a link");
    symlink(at("nowhere"), at("dangling")).expect("a link");
    drop(UnixListener::bind(at("socket")).expect("a socket"));
    assert!(made("mkfifo \"$0\"", &at("pipe")));
    let mut all: Vec<PathBuf> = ["settings", "folder", "link", "dangling", "socket", "pipe"].map(at).into();
    fs::write(at("another-user-s"), "{\"format\":2}").expect("a write");
    if std::os::unix::fs::chown(at("another-user-s"), Some(4_242), None).is_ok() {
        all.push(at("another-user-s"));
    }
    // Only root makes one, and not in each container.
    if made("mknod \"$0\" c 1 5 2>/dev/null", &at("device")) {
        assert!(fs::symlink_metadata(at("device")).expect("a device").file_type().is_char_device());
        all.push(at("device"));
    }
    all
}

#[tokio::test]
async fn what_is_not_ours_is_an_error_at_the_start_and_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(good(&[TOKEN])).await;
    for path in all_kinds(folder.path()) {
        let before = standing(&path);
        let connect = Verifier::connect(feed(&server.url).0.cache(&path), AUDIENCE);
        let connected = tokio::time::timeout(Duration::from_secs(20), connect).await;
        let after = standing(&path);
        assert_eq!(after, before, "{}", path.display());
        match connected {
            Err(_) => panic!("{}: it hangs", path.display()),
            Ok(Ok(_)) => panic!("{}: it is used", path.display()),
            Ok(Err(error)) => assert!(error.to_string().contains(path.to_str().expect("text")), "{error}"),
        }
    }
}

#[tokio::test]
async fn what_comes_there_later_is_not_written_over_and_this_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, kind) in [
        ("a file", "printf '[Unit]' > \"$0\""),
        ("a pipe", "mkfifo \"$0\""),
        ("a link", "ln -s nowhere \"$0\""),
    ] {
        let server = Server::start(good(&[TOKEN])).await;
        let (path, (feed, told)) = (folder.path().join(name), feed(&server.url));
        let verifier = Verifier::connect(feed.cache(&path), AUDIENCE).await.expect("good settings");
        until("it is written", || path.exists()).await;
        fs::remove_file(&path).expect("it is ours");
        assert!(made(kind, &path));
        let before = standing(&path);
        server.now(good(&[TOKEN, NEW]));
        server.hang_up();
        until("it is told", || has(&told, "the cache file is of no use")).await;
        until("the new set", || accepts(&verifier, NEW)).await;
        drop(verifier);
        until("its end", || server.connections() == 0).await;
        assert_eq!(standing(&path), before, "{name}");
    }
}

#[tokio::test]
async fn what_stands_beside_it_stays_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, beside) = (folder.path().join("digests"), folder.path().join("digests.new"));
    fs::write(&beside, OTHERS).expect("a write");
    let server = Server::start(good(&[TOKEN])).await;
    let _verifier =
        Verifier::connect(feed(&server.url).0.cache(&path), AUDIENCE).await.expect("good settings");
    until("it is written", || path.exists()).await;
    assert_eq!(fs::read_to_string(&beside).expect("it is still there"), OTHERS);
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "and nothing else is left: {left:?}");
}

#[tokio::test]
async fn a_letter_that_flipped_in_it_refuses_no_rightful_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("digests");
    let server = Server::start(good(&[TOKEN])).await;
    let connect = || Verifier::connect(feed(&server.url).0.cache(&path), AUDIENCE);
    drop(connect().await.expect("good settings"));
    until("it is written", || path.exists()).await;
    let text = fs::read_to_string(&path).expect("text");
    let at = text.find("\"digest\":\"").expect("a digest") + 10;
    let mut flipped = text.clone();
    flipped.replace_range(at..=at, if &text[at..=at] == "A" { "B" } else { "A" });
    fs::write(&path, flipped).expect("a write");
    let verifier = connect().await.expect("good settings");
    assert!(accepts(&verifier, TOKEN), "{:?}", verifier.verify(TOKEN));
    until("it is whole again", || {
        fs::read_to_string(&path).is_ok_and(|now| now.contains(&text[at..at + 43]))
    })
    .await;
}
