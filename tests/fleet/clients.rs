//! The official MCP clients of three languages, each at the servers of all three.

use std::{env, process::Command};

use serde_json::{Value, json};

use crate::{
    servers::{Server, kinds, root},
    world::{SECRET, World, until},
};

/// How to start each: with a URL, and HEADERS in the environment, they print the tools and what `whoami` says.
fn askers() -> Option<Vec<(&'static str, Command)>> {
    let mut rust = vec![Command::new(env::var_os("FLEET_RUST_CLIENT")?)];
    let mut typescript = Command::new("node");
    typescript.arg(root().join("clients/typescript/build/test/support/ask.js"));
    let mut python = Command::new(env::var_os("FLEET_PYTHON")?);
    python.arg(root().join("clients/python/tests/mcp_client.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(vec![("rmcp", rust.remove(0)), ("TypeScript SDK", typescript), ("Python SDK", python)])
}

fn asked(command: &mut Command, server: &Server, headers: &Value) -> Result<Value, String> {
    let output = command.arg(server.url()).env("HEADERS", headers.to_string()).output().expect("it starts");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {output:?}"))
}

#[test]
fn each_official_client_lists_and_calls_a_tool_through_each_server_and_nobody_does_without_a_token() {
    let kinds = kinds();
    if kinds.is_empty() {
        println!("not run: `cargo xtask test` builds the servers");
        return;
    }
    let world = World::new("60s");
    let _daemon = world.start();
    let feeds = [format!("http://127.0.0.1:{}", world.listen)];
    let old = world.token();
    world.ok(&["rotate", SECRET, "--wait"]);
    let new = world.token();
    for kind in &kinds {
        let server = Server::start(kind, &feeds, None);
        for n in 0..askers().expect("the clients").len() {
            let ask = |headers: Value| {
                let (client, mut command) = askers().expect("the clients").remove(n);
                let answer = asked(&mut command, &server, &headers);
                (format!("{client} at the server in {}", kind.language), answer)
            };
            for (token, stage) in [(&new, "current"), (&old, "previous")] {
                let headers = [
                    json!({"Authorization": format!("Bearer {token}")}),
                    json!({"mcp-access-token": token, "slack-user-token": "xoxp-of-a-person"}),
                ];
                for (n, headers) in headers.into_iter().enumerate() {
                    let (who, answer) = until("the server is sure", || {
                        let (who, answer) = ask(headers.clone());
                        (!matches!(&answer, Err(why) if why.contains("503"))).then_some((who, answer))
                    });
                    let answer = answer.unwrap_or_else(|why| panic!("{who}: {why}"));
                    assert_eq!(answer["tools"], json!(["whoami"]), "{who}");
                    let said = &answer["whoami"];
                    assert_eq!(said["client_id"], "slack-bot", "{who}: {said}");
                    assert_eq!(said["stage"], stage, "{who}: {said}");
                    assert_eq!(
                        said["slack_user_token_present"],
                        n == 1,
                        "{who}: another's header is left alone"
                    );
                    assert_eq!(said["authorization_seen"], false, "{who}: ours is taken out");
                }
            }
            let wrong = "mcp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA000000";
            for headers in [json!({}), json!({"Authorization": format!("Bearer {wrong}")})] {
                let (who, answer) = ask(headers);
                assert!(answer.is_err(), "{who}: {answer:?}");
            }
        }
    }
}
