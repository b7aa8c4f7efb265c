//! No caller gets a connection through to the server: what came over it nobody would judge.

use std::io::{Read as _, Write as _};

use crossfade_testing_fleet::process::Answer;

use crate::{Proxies, TOKEN};

/// How a request asks to go on in another protocol (RFC 9110, section 7.8). Servers that speak HTTP/2 without TLS take the
/// first one.
const UPGRADES: [&str; 4] = [
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
    "Connection: keep-alive, upgrade\r\nUpgrade: foo/1\r\n",
    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
];

#[test]
fn no_upgrade_reaches_the_server_whose_answer_is_as_without_it() {
    Proxies::new().each(|front| {
        for upgrade in UPGRADES {
            let answer = front.settled(|| {
                let mut stream = front.open(&format!(
                    "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n{upgrade}\r\n"
                ));
                let mut answer = [0; 4096];
                let read = stream.read(&mut answer).expect("an answer");
                Answer::of(&answer[..read])
            });
            assert_eq!(answer.status, 200, "{front:?} {upgrade}: {answer:?}");
        }
        for head in front.upstream.heads() {
            let lower = head.to_ascii_lowercase();
            assert!(!lower.contains("upgrade") && !lower.contains("http2-settings"), "{front:?}: {head}");
        }
    });
}

/// A frame of HTTP/2 on that stream (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short one").to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A request in HTTP/2 from the first byte on, its headers spelled out (RFC 7541, section 6.2.2).
fn in_http_2(headers: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("below 127")], text.as_bytes()].concat();
    let headers = headers.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat());
    let (settings, end_of_headers) = (frame(4, 0, 0, &[]), 4);
    let headers = frame(1, end_of_headers, 1, &headers.collect::<Vec<_>>());
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*settings, &headers].concat()
}

#[test]
fn nobody_gets_a_tunnel_by_connect() {
    let bearer = format!("Bearer {TOKEN}");
    let token = ("authorization", &*bearer);
    let connect = [(":method", "CONNECT"), (":authority", "localhost:80"), token];
    // RFC 8441: a websocket in HTTP/2.
    let extended = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/connect"),
        (":authority", "localhost"),
        token,
    ];
    let plain =
        format!("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\nAuthorization: {bearer}\r\n\r\n");
    Proxies::new().each(|front| {
        let verdict = || front.verdict(&[("Authorization", "Bearer nobody-knows-this-one")]);
        verdict();
        let mut stream = front.open(&plain);
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("an answer");
        let status = String::from_utf8_lossy(&head[9..]);
        assert!(matches!(&*status, "404" | "405" | "501"), "{front:?}: {status}");
        let _open = [&connect[..], &extended].map(|headers| {
            let mut stream = front.open("");
            stream.write_all(&in_http_2(headers)).expect("a write");
            stream
        });
        // Those have been judged before these.
        for _ in 0..3 {
            verdict();
        }
        assert_eq!(front.upstream.heads().len(), 0, "{front:?}: {:?}", front.upstream.heads());
    });
}
