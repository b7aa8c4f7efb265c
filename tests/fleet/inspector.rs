//! What a person sees who kept a token in MCP's own Inspector.

use std::process::{Command, Output};

use serde_json::Value;

use crate::{
    bots::{ask, passed},
    front::Front,
    servers::{Server, kinds},
    world::{SECRET, World, until},
};

/// Lists the server's tools with that token; none where the test command has not fetched it.
fn inspect(front: &Front, world: &World, token: &str) -> Option<Output> {
    let mut command = Command::new(std::env::var_os("MCP_NODE")?);
    command
        .arg(std::env::var_os("MCP_INSPECTOR")?)
        .args(["--cli", "--transport", "http", "--server-url", &format!("http://{}/mcp", front.address)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        // Nobody sits here to log in.
        .args(["--method", "tools/list", "--format", "json", "--stored-auth-only"])
        .env("HOME", world.folder.path());
    Some(command.output().expect("node"))
}

#[test]
fn a_token_that_was_kept_from_before_a_rotation_is_answered_401_with_a_challenge_once_its_grace_is_over() {
    let kinds = kinds();
    let Some(kind) = kinds.iter().find(|kind| kind.language == "typescript") else {
        println!("not run: `cargo xtask test` builds the servers");
        return;
    };
    let world = World::new("3s");
    let _daemon = world.start();
    let server = Server::start(kind, &[format!("http://127.0.0.1:{}", world.listen)], None);
    let front = Front::of(server.address, None);
    let kept = world.token();
    until("the server knows it", || {
        ask(server.address, "Authorization", &kept).filter(|status| passed(*status))
    });
    let Some(before) = inspect(&front, &world, &kept) else {
        println!("not run: `cargo xtask test` fetches the Inspector");
        return;
    };
    assert!(before.status.success(), "{before:?}");
    let listed: Value = serde_json::from_slice(&before.stdout).expect("JSON");
    assert!(listed.to_string().contains("whoami"), "{listed}");

    world.ok(&["rotate", SECRET, "--wait"]);
    until("its grace is over", || {
        ask(server.address, "Authorization", &kept).filter(|status| *status == 401)
    });
    front.answers();
    let after = inspect(&front, &world, &kept).expect("as before");
    assert_eq!(after.status.code(), Some(3), "it says that authorization is needed: {after:?}");
    let answers = front.answers();
    let at_the_server = answers.iter().filter(|(asked, _)| asked.ends_with("/mcp"));
    let mut statuses = at_the_server.map(|(asked, answer)| {
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.starts_with("Bearer realm=") && challenge.contains(r#"error="invalid_token""#),
            "{asked}"
        );
        answer.status
    });
    assert!(statuses.next() == Some(401) && statuses.all(|status| status == 401), "{answers:?}");
    // It looks for somebody who hands out tokens, and finds that there is none: no 403, and nothing broke.
    assert!(answers.iter().all(|(_, answer)| matches!(answer.status, 401 | 404)), "{answers:?}");

    let new = inspect(&front, &world, &world.token()).expect("as before");
    assert!(new.status.success(), "{new:?}");
}
