//! Streams, and bodies that are waited for.

use std::{io::Write as _, thread, time::Duration};

use crate::{
    Proxies, Proxy, TOKEN,
    front::{Then, read_until},
    upstream::STREAMS,
};

const STRANGER: &str = "Bearer nobody-knows-this-one";

#[test]
fn a_stream_of_events_comes_through_event_by_event() {
    Proxies::new().each(|front| {
        for path in STREAMS {
            // Without a body: Traefik cuts an answer off that begins while it still looks for more of one.
            let mut stream = front.open(&format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nAccept: text/event-stream\r\n\r\n"
            ));
            // The server writes no second one before this one is here.
            let mut answer = String::new();
            read_until(&mut stream, &mut answer, "data: first")
                .unwrap_or_else(|why| panic!("{front:?} {path}: {why}"));
            assert!(answer.starts_with("HTTP/1.1 200 "), "{front:?}: {answer}");
            assert!(!answer.contains("data: second"), "{front:?}: {answer}");
            front.upstream.go_on(path);
            read_until(&mut stream, &mut answer, "data: second")
                .unwrap_or_else(|why| panic!("{front:?} {path}: {why}"));
        }
    });
}

#[test]
fn a_body_that_is_announced_and_never_sent_brings_no_stranger_to_the_server() {
    Proxies::new().each(|front| {
        front.verdict(&[("Authorization", STRANGER)]);
        for body in ["Content-Length: 1000000", "Content-Length: 10", "Transfer-Encoding: chunked"] {
            // These two ask at once too, but write no answer of any kind before the body has come; Traefik does where it is
            // a large one.
            let then = match front.proxy {
                Proxy::Caddy => Then::HangUp,
                Proxy::Traefik if !body.ends_with("000000") => Then::HangUp,
                _ => Then::Wait,
            };
            let status = front.announce_a_body(STRANGER, body, then);
            assert!(status == 401 || (status == 0 && then == Then::HangUp), "{front:?} {body}: {status}");
        }
        assert_eq!(front.upstream.heads().len(), 0, "{front:?}: {:?}", front.upstream.heads());
    });
}

/// Its parts come often enough, as over a slow line; a minute is what Traefik by itself gives to the whole.
#[test]
fn an_upload_that_takes_more_than_a_minute_reaches_the_server() {
    const PARTS: usize = 16;
    Proxies::new().each(|front| {
        let mut stream = front.open(&format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {PARTS}\r\n\r\n"
        ));
        for _ in 0..PARTS {
            thread::sleep(Duration::from_secs(4));
            // Who has given up has also hung up, and then there is no answer below.
            let _ = stream.write_all(b"x");
        }
        let mut answer = String::new();
        let whole = format!("\r\n\r\n{}", "x".repeat(PARTS));
        read_until(&mut stream, &mut answer, &whole).unwrap_or_else(|why| panic!("{front:?}: {why}"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{front:?}: {answer}");
    });
}
