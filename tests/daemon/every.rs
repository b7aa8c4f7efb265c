//! `--all`: what fails for one secret holds up no other one, and what came of each is said.

use crate::{
    aws::{Aws, FIRST, TOKEN, empty, replica},
    world::{AUDIENCE, SECRET, World},
};

const SPOILT: &str = "mcp/a-spoilt-one";
const LAST: &str = "mcp/zoom-bot-token";

/// Three secrets; the first holds what nobody may replace.
fn world(aws: &Aws) -> World {
    let world = replica(aws, 0);
    let entry =
        |name: &str| format!("  - {{name: {name}, client_id: bot, audience: {AUDIENCE}, grace: 5s}}\n");
    world.write_config(&[SPOILT, SECRET, LAST].map(entry).concat(), "");
    aws.server.person().create(SPOILT, FIRST, "[1, 2, 3]").expect("a secret");
    for name in [SECRET, LAST] {
        aws.server.person().create(name, FIRST, TOKEN).expect("a secret");
    }
    world
}

#[test]
fn an_order_for_all_secrets_is_carried_out_for_each_that_takes_it() {
    let rotate: &[&str] = &["rotate", "--all", "--wait"];
    for (with_a_daemon, order) in [
        (true, rotate),
        (false, rotate),
        (true, &["rotate", "--all", "--compromised", "--wait"]),
        (true, &["rotate", "--all", "--dry-run"]),
    ] {
        let aws = empty();
        let world = world(&aws);
        let daemon = with_a_daemon.then(|| world.start());
        let output = world.run(order);
        let (said, refused) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let what = format!("{order:?}, with a daemon: {with_a_daemon}: {said}\n{refused}");
        assert_eq!(output.status.code(), Some(1), "{what}");
        let spoilt = |line: &str| line.contains(SPOILT) && line.contains("can't be used as a token");
        assert!(format!("{said}{refused}").lines().any(spoilt), "{what}");
        for name in [SECRET, LAST] {
            let is_done = |line: &str| line.starts_with(name) && line.ends_with("is current");
            let is_planned = |line: &str| line.starts_with(name) && line.contains("nothing is changed");
            let came = if order.contains(&"--dry-run") {
                said.lines().any(is_planned)
            } else {
                said.lines().any(is_done)
            };
            assert!(came, "{name}: {what}");
        }
        drop(daemon);
    }
}
