//! Other people's libraries ask about tokens, as servers have them that are no verifiers of ours. `cargo xtask test` fetches
//! them.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use serde_json::Value;

use crate::world::{SECRET, VERIFIER, World};

/// The variable that names the folder with them.
const VARIABLE: &str = "INTROSPECTION_CLIENTS";

fn ask(world: &World, id: &str, token: &str) -> Value {
    let port = world.listen.to_string();
    let asked = Command::new("node")
        .arg(world.path("ask.mjs"))
        .args([&*port, id, VERIFIER, token])
        .output()
        .expect("Node.js, which the tests need");
    assert!(asked.status.success(), "{id}: {}", String::from_utf8_lossy(&asked.stderr));
    serde_json::from_slice(&asked.stdout).expect("JSON")
}

#[test]
fn javascripts_oauth_libraries_introspect_a_token_with_basic() {
    let Some(clients) = std::env::var_os(VARIABLE) else {
        eprintln!("{VARIABLE} is not set: `cargo xtask test` fetches them");
        return;
    };
    for id in ["slack-mcp-server", "team:slack+1"] {
        let world = World::with_secrets(&format!(
            "  - {{name: {SECRET}, client_id: slack-bot, audience: {}, grace: 30s}}\n",
            crate::world::AUDIENCE
        ));
        let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
        let config = config.replace("id: slack-mcp-server,", &format!("id: '{id}',"));
        fs::write(world.path("config.yaml"), config).expect("a write");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/introspection/ask.mjs");
        fs::copy(script, world.path("ask.mjs")).expect("a script");
        symlink(Path::new(&clients).join("node_modules"), world.path("node_modules")).expect("a link");
        let _daemon = world.start();
        // Before the first read a daemon can't refuse.
        assert_eq!(world.stage("nobody-knows-this-one"), None);
        let answers = ask(&world, id, &world.token());
        for answer in answers.as_array().expect("a list") {
            assert_eq!(
                (&answer["active"], &answer["client_id"]),
                (&true.into(), &"slack-bot".into()),
                "{answers}"
            );
            assert!(answer.get("scope").is_none(), "{answers}");
        }
        for answer in ask(&world, id, "nobody-knows-this-one").as_array().expect("a list") {
            assert_eq!(answer, &serde_json::json!({ "active": false }));
        }
    }
}
