//! The official MCP clients of three languages, each at the servers of all three.

use std::{env, process::Command};

use serde_json::{Value, json};

use crate::{
    rotating::{holder, secrets_manager},
    servers::{Server, kinds, root},
    world::{AUDIENCE, SECRET, World, until},
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
    let (aws, _runtime) = secrets_manager();
    let secrets = |soak: &str| {
        format!(
            "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 30m, soak: {soak}}}\n"
        )
    };
    let world = World::on_aws(&aws.endpoint(), "AKIDFLEET", &secrets("1s"));
    let old = world.token();
    world.ok(&["rotate", SECRET, "--wait"]);
    // From here on what is pending stays so.
    world.write_config(&secrets("10m"), "");
    let _daemon = world.start();
    world.ok(&["rotate", SECRET]);
    let (new, next) = (world.token(), holder(&aws, "AWSPENDING").expect("a pending version").1);
    let feeds = [format!("http://127.0.0.1:{}", world.listen)];
    for kind in &kinds {
        let server = Server::start(kind, &feeds, None);
        for n in 0..askers().expect("the clients").len() {
            let ask = |headers: Value| {
                let (client, mut command) = askers().expect("the clients").remove(n);
                let answer = asked(&mut command, &server, &headers);
                (format!("{client} at the server in {}", kind.language), answer)
            };
            for (token, stage) in [(&next, "pending"), (&new, "current"), (&old, "previous")] {
                let headers = [
                    json!({"Authorization": format!("Bearer {token}")}),
                    json!({"mcp-access-token": token, "slack-user-token": "xoxp-of-a-person"}),
                ];
                // A stage says nothing of headers: one of them is enough for both.
                let kinds_of_header = if stage == "current" { 2 } else { 1 };
                for (n, headers) in headers.into_iter().enumerate().take(kinds_of_header) {
                    let (who, answer) = until("the server is sure", || {
                        let (who, answer) = ask(headers.clone());
                        (!matches!(&answer, Err(why) if why.contains("503"))).then_some((who, answer))
                    });
                    let answer = answer.unwrap_or_else(|why| panic!("{who}: {why}"));
                    assert_eq!(answer["tools"], json!(["search-slack-messages", "whoami"]), "{who}");
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
