//! Certificates that are read again, and what is wrong with them.

use std::fs;

use super::{
    caller::{Caller, get},
    pki::{Authority, replace},
    secure::{SET, Secure, now},
};
use crate::{
    held::{is_whole, parts},
    process::Daemon,
    world::{VERIFIER, World, until},
};

#[test]
fn sighup_takes_a_new_certificate_for_new_connections_and_keeps_out_a_broken_one() {
    let secure = Secure::tls();
    let daemon = secure.world.start();
    let caller = Caller::new(&secure.ours, None);
    let shown = || caller.connect(secure.port()).expect("a connection").shown();
    let bearer = format!("Bearer {VERIFIER}");
    let mut old = caller.connect(secure.port()).expect("a connection");
    let mut lives = || {
        let answer = old.ask(&get(SET, &[("Authorization", &bearer)])).expect("an answer");
        assert_ne!(answer.status, 401, "{answer:?}");
    };
    lives();
    let newer = secure.ours.issue(&["dns:localhost"]);
    newer.write(secure.world.folder.path());
    parts(&secure.world, "certificates");
    assert!(secure.world.ok(&["status"]).contains("others than those in force: SIGHUP takes them"));
    secure.reload(&daemon, "applied");
    assert_eq!(shown(), newer.der());
    is_whole(&secure.world, "certificates");
    lives();

    let (cert, key) = (secure.world.path("cert.pem"), secure.world.path("key.pem"));
    let whole = [&cert, &key].map(|path| fs::read_to_string(path).expect("a file"));
    let other = secure.ours.issue(&["dns:localhost"]);
    for (what, breaks) in [
        (
            "`tls.key` (",
            &(|| {
                other.write(secure.world.folder.path());
                replace(&key, &whole[1], 0o600)
            }) as &dyn Fn(),
        ),
        ("it is not the key of the certificate", &|| {}),
        ("there is no certificate in it", &|| replace(&cert, "nonsense", 0o644)),
        ("no whole PEM file", &|| replace(&cert, &whole[0][..whole[0].len() / 2], 0o644)),
        ("`tls.cert` (", &|| fs::remove_file(&cert).expect("it is gone")),
        ("lets in others: chmod", &|| replace(&key, &whole[1], 0o604)),
        ("`tls` can't change while the daemon runs", &|| {
            let config = secure.config();
            secure.configure(&config.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>());
        }),
    ] {
        breaks();
        secure.reload(&daemon, "rejected");
        until(what, || daemon.log().contains(what).then_some(()));
        assert_eq!(shown(), newer.der(), "{what}");
    }
    parts(&secure.world, "certificates");
    lives();
}

#[test]
fn another_client_ca_ends_the_connections_that_the_old_one_let_in() {
    let secure = Secure::mtls(World::new("30s"));
    let daemon = secure.world.start();
    let before = secure.named("dns:mcp.example.com");
    let mut old = before.connect(secure.port()).expect("a connection");
    assert_ne!(old.ask(&get(SET, &[])).expect("an answer").status, 401);
    secure.ours.issue(&["dns:localhost"]).write(secure.world.folder.path());
    secure.reload(&daemon, "applied");
    assert_ne!(old.ask(&get(SET, &[])).expect("it lives on").status, 401);
    let successor = Authority::new("successor");
    successor.write(&secure.world.path("ca.pem"));
    secure.reload(&daemon, "applied");
    old.ended().expect("an end as TLS wants it");
    assert!(!secure.lets_in(&before), "its session is not resumed either");
    let issued = successor.issue(&["dns:mcp.example.com"]);
    let after = Caller::new(&secure.ours, Some(&issued)).call(secure.port(), &get(SET, &[]));
    assert_ne!(after.expect("an answer").status, 401);
}

#[test]
fn a_client_that_is_taken_out_of_the_config_loses_its_connection() {
    let secure = Secure::mtls(World::new("30s"));
    let daemon = secure.world.start();
    let mut connection = secure.named("dns:mcp.example.com").connect(secure.port()).expect("a connection");
    assert_ne!(connection.ask(&get(SET, &[])).expect("an answer").status, 401);
    let config = secure.config();
    let without: Vec<&str> = config.lines().filter(|line| !line.contains("by-host")).collect();
    secure.configure(&format!("{}\n", without.join("\n")));
    secure.reload(&daemon, "applied");
    let answer = connection.ask(&get(SET, &[])).expect("an answer");
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
    connection.ended().expect("an end");
}

#[test]
fn check_and_serve_say_what_is_wrong_with_each_file_at_once() {
    let secure = Secure::mtls(World::new("30s"));
    let key = secure.world.path("key.pem");
    let text = fs::read_to_string(&key).expect("a key");
    // The last as on a volume with an `fsGroup`: our own group may write it.
    for mode in [0o600, 0o400, 0o640, 0o440, 0o660] {
        replace(&key, &text, mode);
        secure.world.ok(&["check"]);
    }
    for mode in [0o644, 0o602, 0o606, 0o601] {
        replace(&key, &text, mode);
        let said = secure.world.fails(2, &["check"]);
        assert!(said.contains("`tls.key` (") && said.contains("chmod u=rw,g=r,o="), "{mode:o}: {said}");
    }
    replace(
        &key,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        0o600,
    );
    replace(&secure.world.path("cert.pem"), "", 0o644);
    replace(&secure.world.path("ca.pem"), &text, 0o644);
    for (code, command) in [(2, "check"), (1, "serve")] {
        let said = secure.world.fails(code, &[command]);
        for what in
            ["`tls.cert` (", "`tls.key` (", "not encrypted", "`tls.client_ca` (", "no certificate in it"]
        {
            assert!(said.contains(what), "{command} has to say {what:?}: {said}");
        }
        assert!(!said.contains(text.lines().nth(1).expect("a line")), "nothing of a file is shown");
    }
    replace(&secure.world.path("ca.pem"), &text, 0o666);
    assert!(secure.world.fails(2, &["check"]).contains("chmod o-w"));
}

#[test]
fn check_warns_of_a_certificate_that_ends_soon_and_fails_on_one_that_is_over() {
    let secure = Secure::tls();
    assert!(!secure.world.ok(&["check"]).contains("certificate"));
    secure.ours.issue_until(&["dns:localhost"], now() + 3 * 3600 + 1800).write(secure.world.folder.path());
    let said = secure.world.ok(&["check"]);
    assert!(said.contains("warning: the certificate of `listen` expires in 0 d 3 h"), "{said}");
    secure.ours.issue_until(&["dns:localhost"], now() - 60).write(secure.world.folder.path());
    let said = secure.world.fails(1, &["check"]);
    assert!(said.contains("has expired, and clients refuse it"), "{said}");
}

#[test]
fn a_certificate_that_is_about_to_end_is_warned_about_at_the_start_and_when_it_is_read_again() {
    let secure = Secure::tls();
    let daemon = secure.world.start();
    assert!(!daemon.log().contains("expires in"), "it lasts for centuries: {}", daemon.log());
    let short = secure.ours.issue_until(&["dns:localhost"], now() + 3 * 3600 + 1800);
    short.write(secure.world.folder.path());
    secure.reload(&daemon, "applied");
    let warned = |daemon: &Daemon| {
        until("a warning", || {
            daemon.log().contains("WARN the certificate of `listen` expires in 0 d 3 h").then_some(())
        });
    };
    warned(&daemon);
    drop(daemon);
    warned(&secure.world.start());
}
