//! On the embedded store: it is read, and not made.

use crate::{check_live, text};

const CONFIG: &str = "\
store: {kind: embedded}
secrets:
  - {name: mcp/slack-bot-token, client_id: slack-bot, audience: https://mcp.example.com/slack}
";

#[test]
fn a_store_that_is_not_there_yet_is_not_made_by_a_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = check_live(folder.path(), CONFIG, &[]);
    assert!(
        output.status.success() && text(&output).contains("is made at the first start"),
        "{}",
        text(&output)
    );
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_store_whose_key_is_gone_fails_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    check_live(folder.path(), CONFIG, &[]);
    let mut rotate = std::process::Command::new(env!("CARGO_BIN_EXE_crossfade"));
    let made = rotate.current_dir(folder.path()).args(["rotate", "--due"]).output().expect("it starts");
    assert!(made.status.success(), "{}", text(&made));
    let output = check_live(folder.path(), CONFIG, &[]);
    assert!(
        output.status.success() && text(&output).contains("read                      ok"),
        "{}",
        text(&output)
    );
    std::fs::remove_file(folder.path().join("data/key")).expect("a key");
    let output = check_live(folder.path(), CONFIG, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("key"), "{}", text(&output));
}
