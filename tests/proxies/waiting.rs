//! Streams, and bodies that are waited for.

use crate::{
    Proxies, Proxy, TOKEN,
    front::{Then, read_until},
    upstream::STREAMS,
};

const STRANGER: &str = "Bearer nobody-knows-this-one";

#[test]
fn a_stream_of_events_comes_through_event_by_event() {
    // MCP's clients open one by GET, and get one in answer to a POST.
    let requests = [("GET", ""), ("POST", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)];
    Proxies::new().each(|front| {
        for path in STREAMS {
            for (method, body) in requests {
                let length = body.len();
                let mut stream = front.open(&format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
                     Accept: text/event-stream\r\nContent-Length: {length}\r\n\r\n{body}"
                ));
                // The server writes no second one before this one is here.
                let mut answer = String::new();
                let mut comes = |event| {
                    read_until(&mut stream, &mut answer, event)
                        .unwrap_or_else(|why| panic!("{front:?} {method} {path}: {why}"));
                    answer.clone()
                };
                let first = comes("data: first");
                assert!(first.starts_with("HTTP/1.1 200 "), "{front:?} {method}: {first}");
                assert!(!first.contains("data: second"), "{front:?} {method}: {first}");
                front.upstream.go_on(&format!("{method} {path}"));
                comes("data: second");
            }
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
