//! The three servers follow a daemon over TLS, by an authority of its owner's.

use std::{ffi::OsString, fs, path::Path};

use crate::{
    bots::{ask, passed},
    pki::Authority,
    servers::{Server, Setting, kinds},
    world::{SECRET, World, until},
};

/// To trust that authority, as operators tell each runtime: by OpenSSL's name, which Rust's native roots follow too, and
/// by one of Node.js's own.
fn trusting(authority: &Path) -> Vec<(&'static str, OsString)> {
    vec![("SSL_CERT_FILE", authority.into()), ("NODE_EXTRA_CA_CERTS", authority.into())]
}

#[test]
fn each_server_follows_a_daemon_whose_certificate_it_trusts_through_a_rotation_and_no_other_daemon() {
    let kinds = kinds();
    if kinds.is_empty() {
        return;
    }
    let world = World::new("60s");
    let (ours, another) = (Authority::new("ours"), Authority::new("another"));
    ours.issue(&["dns:localhost"]).write(world.folder.path());
    let (trusted, wrong) = (world.path("ours.pem"), world.path("another.pem"));
    ours.write(&trusted);
    another.write(&wrong);
    let config = fs::read_to_string(world.path("config.yaml")).expect("the config");
    let config = format!("tls: {{cert: cert.pem, key: key.pem}}\n{config}");
    fs::write(world.path("config.yaml"), config).expect("a write");
    let _daemon = world.start();

    let feeds = [format!("https://localhost:{}", world.listen)];
    let start = |authority: &Path| {
        let setting =
            Setting { feeds: feeds.to_vec(), environment: trusting(authority), ..Setting::default() };
        kinds.iter().map(|kind| Server::start_with(kind, &setting).expect("it listens")).collect::<Vec<_>>()
    };
    let (servers, doubting) = (start(&trusted), start(&wrong));
    let old = world.token();
    world.ok(&["rotate", SECRET, "--wait"]);
    let new = world.token();
    for server in &servers {
        for token in [&old, &new] {
            until("it is let in", || {
                ask(server.address, "Authorization", token).filter(|status| passed(*status))
            });
        }
    }
    // Each tries once more before it answers; what it can't ask it doesn't know.
    for server in &doubting {
        assert_eq!(ask(server.address, "Authorization", &new), Some(503), "{}", server.language);
    }
}
