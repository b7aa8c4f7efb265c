//! The fake as a process.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::{NAME, client, id};

const PROGRAM: &str = env!("CARGO_BIN_EXE_secretsmanager-fake");

#[tokio::test]
async fn it_prints_its_endpoint_and_serves_until_it_is_stopped() {
    let mut process = Command::new(PROGRAM)
        .args(["--listen", "127.0.0.1:0", "--now-ms", "1893456000000"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let endpoint = lines.next_line().await.unwrap().unwrap();
    let client = client(&endpoint, "AKID", 1);
    let made = client.create_secret().name(NAME).client_request_token(id(1)).secret_string("x").send();
    made.await.unwrap();
    let described = client.describe_secret().secret_id(NAME).send().await.unwrap();
    assert_eq!(described.created_date().unwrap().secs(), 1_893_456_000);
    let number = process.id().unwrap().to_string();
    assert!(Command::new("sh").args(["-c", "kill -TERM \"$0\"", &number]).status().await.unwrap().success());
    assert!(process.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_mistake_on_the_command_line_shows_the_usage() {
    for arguments in [&["--listen"][..], &["--listen", "nowhere"], &["--nothing", "1"]] {
        let output = Command::new(PROGRAM).args(arguments).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: "));
    }
}
