//! What one client can take from another: whoever holds its credential may be a thief.

use crate::{
    connections::{
        asks, connect, heard, is_accepted, rejected, until_closed, verdict, with_another, with_files,
    },
    process::call,
    world::{VERIFIER, until},
};

#[test]
fn bodies_that_do_not_come_take_no_place_from_another_client() {
    let (world, another) = with_another();
    let _daemon = world.start();
    let token = world.token();
    let mut waiting = Vec::new();
    for most in (1..=14).map(|part| part * 290) {
        // No more at once than can be strangers before they are heard. Each waits for its body, was told that it is one too
        // many, or has waited for too long.
        waiting.extend(connect(world.listen, 300, &asks(VERIFIER, 100)));
        until("they are heard", || {
            let answered = rejected(&world, "busy") + rejected(&world, "timeout");
            (heard(world.listen) + answered as usize > most).then_some(())
        });
    }
    for _ in 0..50 {
        assert!(is_accepted(verdict(&world, &another, &token)));
    }
}

#[test]
fn a_client_over_its_share_of_bodies_is_told_when_to_come_again() {
    let (world, _) = with_another();
    let _daemon = world.start();
    let _waits = connect(world.listen, 300, &asks(VERIFIER, 100));
    until("some are told that they are too many", || (rejected(&world, "busy") > 0).then_some(()));
    let answer = verdict(&world, VERIFIER, &world.token()).expect("an answer");
    assert_eq!((answer.status, &answer.json()["error"]), (503, &"busy".into()), "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[test]
fn one_credential_does_not_take_all_connections() {
    let (world, another) = with_another();
    let _daemon = with_files(&world, "ulimit -n 512");
    let token = world.token();
    let ask = format!("GET /v1/nothing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {VERIFIER}\r\n\r\n");
    let mut held = connect(world.listen, 600, &ask);
    let last = until_closed(held.last_mut().expect("it")).unwrap_or_default();
    assert!(last.starts_with("HTTP/1.1 503") && last.contains("\"busy\""), "{last}");
    assert!(last.contains("retry-after: 1"), "{last}");
    assert!(is_accepted(verdict(&world, &another, &token)), "a newcomer with another credential");
}

#[test]
fn one_credential_does_not_take_all_connections_when_the_config_is_read_again() {
    let (world, another) = with_another();
    let daemon = with_files(&world, "ulimit -n 512");
    let token = world.token();
    let ask = format!("GET /v1/nothing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {VERIFIER}\r\n\r\n");
    let mut held = connect(world.listen, 200, &ask);
    until("its share is taken", || {
        // On a busy machine some are shown out before they are heard.
        held.extend(connect(world.listen, 10, &ask));
        (rejected(&world, "busy") > 0).then_some(())
    });
    daemon.signal("-HUP");
    until("the config is read again", || {
        let scraped = call(world.metrics, "GET", "/metrics", &[], "").ok()?;
        scraped.body.contains("crossfade_config_reloads_total{outcome=\"applied\"} 1").then_some(())
    });
    held.extend(connect(world.listen, 200, &ask));
    until_closed(held.last_mut().expect("it"));
    assert!(is_accepted(verdict(&world, &another, &token)), "a newcomer with another credential");
}
