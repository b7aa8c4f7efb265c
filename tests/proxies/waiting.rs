//! Streams, and bodies that are waited for.

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
