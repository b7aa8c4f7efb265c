//! TLS on `listen`.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crossfade_testing_fleet::{BOT_SHA256, VERIFIER_SHA256};

use caller::{BOTH, Caller, Request, get};
use secure::{FORM, SET, Secure, TOKEN, introspect};

use crate::{
    connections::connect,
    process::{call, raw},
    world::{SECRET, VERIFIER, until},
};

mod caller;
mod clients;
mod pki;
mod reload;
mod secure;

#[test]
fn with_tls_those_who_trust_our_certificate_are_served_over_1_2_and_1_3() {
    let secure = Secure::tls();
    let daemon = secure.world.start();
    assert!(daemon.log().contains("on https://127.0.0.1:"), "{}", daemon.log());
    let token = secure.world.token();
    for version in BOTH {
        let caller = Caller::speaking(&[version], &["h2", "http/1.1"], &secure.ours, None);
        let connection = caller.connect(secure.port()).expect("a connection");
        assert_eq!(connection.protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(connection.shown(), secure.server.der());
        let answer = introspect(Some(VERIFIER), &token)(&caller, secure.port());
        assert_eq!((answer.status, &answer.json()["active"]), (200, &true.into()), "{answer:?}");
        assert_eq!(introspect(None, &token)(&caller, secure.port()).status, 401, "a credential is needed");
    }
    secure.world.ok(&["health"]);
    assert!(secure.world.ok(&["status"]).contains(SECRET));
}

#[test]
fn one_connection_over_tls_is_held_and_asks_for_verdicts_in_turns() {
    let secure = Secure::tls();
    let _daemon = secure.world.start();
    let bearer = format!("Bearer {VERIFIER}");
    let body = format!("token={}", secure.world.token());
    let verdict = [("Authorization", &*bearer), FORM];
    let verdict = Request { method: "POST", path: "/v1/introspect", headers: &verdict, body: &body };
    let mut connection = Caller::new(&secure.ours, None).connect(secure.port()).expect("a connection");
    let mut ask = |request: &Request<'_>| connection.ask(request).expect("an answer");
    let mut tag = "\"none\"".to_owned();
    for _ in 0..3 {
        let poll = [("Authorization", &*bearer), ("If-None-Match", &*tag), ("Prefer", "wait=1")];
        let polled = ask(&get(SET, &poll));
        assert!([200, 304].contains(&polled.status), "{polled:?}");
        tag = polled.header("etag").expect("a tag").to_owned();
        let answer = ask(&verdict);
        assert_eq!((answer.status, &answer.json()["active"]), (200, &true.into()), "{answer:?}");
    }
}

#[test]
fn off_loopback_tls_is_enough_for_tokens_and_plaintext_is_not() {
    let secure = Secure::tls();
    let config = secure.config().replace("listen: 127.0.0.1:", "listen: 0.0.0.0:");
    let config = config.replace("metrics_listen: 0.0.0.0:", "metrics_listen: 127.0.0.1:");
    // The tests' own credentials stand in documents, and are refused off loopback.
    let made = || -> [String; 2] {
        let said = secure.world.ok(&["credential"]);
        let words: Vec<String> =
            said.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect();
        [words[1].clone(), words[3].clone()]
    };
    let ([bot, bot_hash], [_, verifier_hash]) = (made(), made());
    let config = config.replace(BOT_SHA256, &bot_hash).replace(VERIFIER_SHA256, &verifier_hash);
    secure.configure(&config);
    let bearer = format!("Bearer {bot}");
    let headers = [("Authorization", &*bearer)];
    let daemon = secure.world.start();
    let answer =
        Caller::new(&secure.ours, None).call(secure.port(), &get(TOKEN, &headers)).expect("an answer");
    assert_eq!((answer.status, &answer.json()["token"]), (200, &secure.world.token().into()));
    drop(daemon);
    let plain = config.lines().filter(|line| !line.starts_with("tls:")).collect::<Vec<_>>().join("\n");
    secure.configure(&format!("allow_plaintext: true\n{plain}\n"));
    let _daemon = secure.world.start();
    assert_eq!(call(secure.port(), "GET", TOKEN, &headers, "").expect("an answer").status, 403);
}

#[test]
fn what_is_no_tls_of_ours_gets_an_alert_is_counted_and_hurts_nobody() {
    let secure = Secure::tls();
    let _daemon = secure.world.start();
    let port = secure.port();
    let caller = Caller::new(&secure.ours, None);
    assert!(!secure.lets_in(&Caller::new(&secure.clients, None)), "one who does not trust us");
    assert!(!secure.lets_in(&Caller::speaking(&BOTH, &["h2"], &secure.ours, None)), "HTTP/2 only");
    for plain in [
        &b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\0\0",
    ] {
        let answer = raw(port, plain).map(|answer| answer.status);
        assert!(matches!(answer, Ok(0) | Err(_)), "{answer:?}");
    }
    // A ClientHello of TLS 1.1 (RFC 4346), with all that 1.2 would need. Its answer: fatal, protocol_version.
    let extensions = [[0, 10, 0, 4, 0, 2, 0, 23], [0, 13, 0, 4, 0, 2, 4, 3]].concat();
    let mut hello = vec![0x16, 3, 1, 0, 63, 1, 0, 0, 59, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x09, 1, 0, 0, 16]);
    hello.extend(extensions);
    let mut old = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    old.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    old.write_all(&hello).expect("a write");
    let mut alert = Vec::new();
    old.read_to_end(&mut alert).expect("an alert");
    assert_eq!((alert.first(), alert.last_chunk()), (Some(&21), Some(&[2, 70])), "{alert:?}");
    until("each is counted", || (secure.rejected("handshake") == 6).then_some(()));
    assert!(secure.lets_in(&caller));
    assert_eq!((secure.rejected("handshake"), secure.rejected("timeout")), (6, 0));
}

#[test]
fn half_open_handshakes_hold_nobody_up_and_are_ended() {
    let secure = Secure::tls();
    let _daemon = secure.world.start();
    let half_open = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", secure.port())).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        stream.write_all(bytes).expect("a write");
        stream
    };
    let mut all: Vec<_> = (0..150).map(|n| half_open(&[0x16, 3, 1, 1, 0, 1][..n % 7])).collect();
    assert!(secure.lets_in(&Caller::new(&secure.ours, None)), "while they stand");
    assert_eq!(secure.rejected("timeout"), 0, "they still do");
    for stream in &mut all {
        let ended = stream.read(&mut [0; 64]);
        let reset = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset;
        assert!(ended.as_ref().is_ok_and(|read| *read == 0) || ended.as_ref().is_err_and(reset), "{ended:?}");
    }
    until("they are counted", || (secure.rejected("timeout") == 150).then_some(()));
}

#[test]
fn a_handshake_that_goes_on_and_on_is_not_kept() {
    let secure = Secure::tls();
    let _daemon = secure.world.start();
    let mut stream = TcpStream::connect(("127.0.0.1", secure.port())).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    // A ClientHello that says that it has 65,000 bytes, of which 63,000 come.
    let mut hello = vec![0; 63_000];
    hello[..6].copy_from_slice(&[1, 0, 0xfd, 0xe8, 3, 3]);
    for part in hello.chunks(15_750) {
        let head = [&[0x16, 3, 1][..], &(part.len() as u16).to_be_bytes()].concat();
        // Nobody may read the last of them.
        let _ = stream.write_all(&[&head, part].concat());
    }
    until("it is counted", || (secure.rejected("handshake") + secure.rejected("timeout") == 1).then_some(()));
    assert_eq!(secure.rejected("handshake"), 1, "it was waited for");
    assert!(secure.lets_in(&Caller::new(&secure.ours, None)));
}

#[test]
fn handshakes_that_never_end_shut_nobody_out() {
    let secure = Secure::tls();
    let _daemon = secure.world.start();
    let caller = Caller::new(&secure.ours, None);
    for begins in ["", "\x16\x03\x01\x01\0\x01"] {
        let strangers = connect(secure.port(), 1_100, begins);
        until("a newcomer gets in", || secure.lets_in(&caller).then_some(()));
        assert_eq!(secure.rejected("timeout"), 0, "while they stand");
        drop(strangers);
    }
    assert!(secure.rejected("connections") > 0, "those who went are counted");
}
