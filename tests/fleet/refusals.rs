//! Whom the example servers do not let in, with the requests of each era of MCP: `verify/vectors/mcp.json`.

use std::thread;

use crossfade_testing_fleet::process::call;
use serde_json::Value;

use crate::{
    bots::ask,
    servers::{Server, kinds},
    world::{World, until},
};

const UNKNOWN: &str = "mcp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA3xQzSL";

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// Every request by every caller; `key` says which answer.
fn try_all(server: &Server, vectors: &Value, key: &str) {
    // The example servers require no scope.
    let callers = list(&vectors["callers"]).iter().filter(|caller| caller["fresh"] != "insufficient_scope");
    for caller in callers {
        let expected = &vectors["answers"][text(&caller[key])];
        for request in list(&vectors["requests"]) {
            let lines = list(&request["headers"]).iter().chain(list(&caller["headers"])).map(text);
            let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
            let body = if request["body"].is_null() { String::new() } else { request["body"].to_string() };
            let port = server.address.port();
            let answer = call(port, text(&request["method"]), "/mcp", &headers, &body).expect("an answer");
            let what = format!("{}: {} by {}, {key}", server.language, request["name"], caller["name"]);
            assert_eq!(answer.status, expected["status"], "{what}: {answer:?}");
            assert_eq!(answer.header("www-authenticate"), expected["www_authenticate"].as_str(), "{what}");
            let waits = answer.header("retry-after").map(str::parse::<u32>);
            assert_eq!(waits.is_some_and(|wait| wait.is_ok()), expected["retry_after"], "{what}");
            // In OAuth's form, or in JSON-RPC's where the server speaks that.
            let body = answer.json();
            let error =
                if body["error"].is_object() { &body["error"]["data"]["error"] } else { &body["error"] };
            assert_eq!(error, &expected["error"], "{what}");
        }
    }
}

#[test]
fn whoever_is_not_let_in_gets_401_or_503_in_every_era_of_the_protocol_and_never_anything_else() {
    let kinds = kinds();
    if kinds.is_empty() {
        println!("not run: `cargo xtask test` builds the servers");
        return;
    }
    let vectors: Value =
        serde_json::from_str(include_str!("../../verify/vectors/mcp.json")).expect("of the documented form");
    let world = World::new("30m");
    let daemon = world.start();
    let feeds = [format!("http://127.0.0.1:{}", world.listen)];
    let servers: Vec<Server> = kinds.iter().map(|kind| Server::start(kind, &feeds, None)).collect();
    let each = |status: u16, key: &str| {
        thread::scope(|scope| {
            for server in &servers {
                let vectors = &vectors;
                scope.spawn(move || {
                    until("its view is so", || {
                        ask(server.address, "Authorization", UNKNOWN).filter(|answered| *answered == status)
                    });
                    try_all(server, vectors, key);
                });
            }
        });
    };
    each(401, "fresh");
    drop(daemon);
    each(503, "cut_off");
}
