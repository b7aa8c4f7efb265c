//! What `check` prints of a config that is sound.

use std::fs;

use crate::world::{AUDIENCE, SECRET, World};

fn check(world: &World, lines: &str) -> String {
    let config = fs::read_to_string(world.path("config.yaml")).expect("the config");
    fs::write(world.path("other.yaml"), format!("{config}{lines}")).expect("a write");
    world.ok(&["check", "-c", "other.yaml"])
}

#[test]
fn one_is_one_and_two_are_two() {
    let world = World::new("30s");
    let said = check(&world, "");
    assert!(said.contains("well-formed; 1 secret, 2 clients, config "), "{said}");
    let secrets =
        ["a", "b"].map(|name| format!("  - {{name: {name}, client_id: c, audience: {AUDIENCE}}}\n"));
    let world = World::with_secrets(&format!(
        "{}  - {{name: {SECRET}, client_id: c, audience: {AUDIENCE}}}\n",
        secrets.concat()
    ));
    assert!(check(&world, "").contains("well-formed; 3 secrets, 2 clients, "));
}

#[test]
fn the_sums_of_each_secret_are_printed() {
    let world = World::new("30s");
    let said = check(&world, "");
    for line in [
        "  a replaced token is accepted for up to 32s (grace 30s + a margin of 2s)",
        "  a bot may keep one for 29s (grace - freshness - store_lag)",
        "  an end is everywhere in 1s (sync + store_lag) and one push; at a verifier that is cut off in 1m (hold)",
        "  a server that was frozen asks again before it accepts by a view that is 2s old (accept_within)",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\nis not in\n{said}");
    }
    assert!(!said.contains("AWS bills"), "{said}");

    let yaml = format!(
        "store: {{kind: aws}}\nsecrets:\n  - {{name: {SECRET}, client_id: c, audience: {AUDIENCE}, every: 12h}}\n"
    );
    fs::write(world.path("aws.yaml"), yaml).expect("a write");
    let said = world.ok(&["check", "-c", "aws.yaml"]);
    for line in [
        // 12 s + write_lag 300 s + freshness 60 s + 30 s + 2 x store_lag 15 s + sync 20 s
        "  a replaced token is accepted for up to 4h 7m 32s (grace 4h + a margin of 7m 32s)",
        "  a bot may keep one for 3h 58m 45s (grace - freshness - store_lag)",
        "  an end is everywhere in 35s (sync + store_lag) and one push; at a verifier that is cut off in 24h (hold)",
        "  a server that was frozen asks again before it accepts by a view that is 1m 20s old (accept_within)",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\nis not in\n{said}");
    }
    assert!(
        said.contains(
            "AWS bills about $1.05 a month with one daemon ($0.40 for the secret, $0.65 for 129600 reads"
        ),
        "{said}"
    );
}

#[test]
fn check_and_serve_warn_of_what_is_sound_and_hardly_meant() {
    let world = World::new("1s");
    let said = check(&world, "");
    let warned: Vec<&str> = said.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warned.len(), 3, "{said}");
    assert!(warned[0].contains("slack-mcp-server") && warned[0].contains("public documents"), "{said}");
    assert!(warned[1].contains("slack-bot-host") && warned[2].contains("grace (1s)"), "{said}");
    let daemon = world.start();
    for warning in warned {
        let warning = warning.trim_start_matches("warning: ");
        assert!(daemon.log().contains(&format!("WARN {warning}")), "{warning}\nis not in\n{}", daemon.log());
    }
}

#[test]
fn published_credentials_start_no_daemon_off_loopback() {
    let world = World::new("30s");
    let config = fs::read_to_string(world.path("config.yaml")).expect("the config");
    let open = config.replacen("listen: 127.0.0.1", "listen: 0.0.0.0", 1) + "allow_plaintext: true\n";
    fs::write(world.path("config.yaml"), open).expect("a write");
    for command in ["check", "serve"] {
        let said = world.fails(2, &[command]);
        assert!(said.contains("the config has 2 mistakes") && said.contains("public documents"), "{said}");
    }
}
