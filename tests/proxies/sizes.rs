//! How much a caller sends decides nothing: the question about a request is none the longer for it.

use std::io::{Read as _, Write as _};

use crossfade_testing_fleet::process::Answer;

use crate::{Front, Proxies, Proxy, TOKEN};

const STRANGER: (&str, &str) = ("Authorization", "Bearer nobody-knows-this-one");

const BYTES: [usize; 5] = [1, 16 * 1024, 1_500_000, 4_000_000, 20_000_000];

#[test]
fn a_body_of_any_size_reaches_the_server_of_who_may_and_nobody_elses_does() {
    let bearer = format!("Bearer {TOKEN}");
    Proxies::new().each(|front| {
        front.verdict(&[STRANGER]);
        for bytes in BYTES {
            let body = "x".repeat(bytes);
            let answer = front.settled(|| front.post("/mcp", &[STRANGER], &body));
            assert_eq!(answer.status, 401, "{front:?}, {bytes} bytes: {}", answer.head);
        }
        assert_eq!(front.upstream.heads().len(), 0, "{front:?}: {:?}", front.upstream.heads());
        for bytes in BYTES {
            let body = "x".repeat(bytes);
            let answer = front.settled(|| front.post("/mcp", &[("Authorization", &bearer)], &body));
            assert_eq!(answer.status, 200, "{front:?}, {bytes} bytes: {}", answer.head);
            let reached = answer.body.ends_with(&format!("\r\n\r\n{bytes} bytes"))
                || answer.body.ends_with(&format!("\r\n\r\n{body}"));
            assert!(reached, "{front:?}, {bytes} bytes: {}", &answer.body[..answer.body.len().min(999)]);
        }
    });
}

#[test]
fn a_body_in_chunks_reaches_the_server_too() {
    Proxies::new().each(|front| {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let answer = front.settled(|| {
            let mut stream = front.open(&format!(
                "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
            ));
            // Whoever answers early may have hung up.
            let _ = stream.write_all(format!("{}0\r\n\r\n", chunk.repeat(64)).as_bytes());
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("an answer");
            Answer::of(&answer)
        });
        assert_eq!(answer.status, 200, "{front:?}: {answer:?}");
    });
}

/// The longest line that a proxy takes for the path, and more than the daemon reads where the proxy does.
const fn query(front: &Front) -> usize {
    match front.proxy {
        Proxy::Nginx | Proxy::Haproxy => 7_000,
        Proxy::Caddy | Proxy::Traefik | Proxy::Envoy => 20_000,
    }
}

#[test]
fn headers_and_paths_longer_than_the_daemon_reads_change_no_verdict() {
    let bearer = format!("Bearer {TOKEN}");
    let (seven, long) = ("x".repeat(7_000), format!("Bearer {}", "x".repeat(7_000)));
    Proxies::new().each(|front| {
        front.verdict(&[STRANGER]);
        let path = format!("/mcp?{}", "q".repeat(query(front)));
        let baggage = [("baggage", &*seven), ("cookie", &seven[..4_000])];
        for (who, status) in [(&*bearer, 200), (STRANGER.1, 401)] {
            let mut headers = vec![("Authorization", who)];
            let answer = front.settled(|| front.post(&path, &headers, ""));
            assert_eq!(answer.status, status, "{front:?}, a long path: {}", answer.head);
            headers.extend(baggage);
            let answer = front.verdict(&headers);
            assert_eq!(answer.status, status, "{front:?}, long headers: {}", answer.head);
        }
        // No token is as long: that is known.
        for headers in [[("Authorization", &*long)], [("mcp-access-token", &*seven)]] {
            let answer = front.verdict(&headers);
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert_eq!(answer.status, 401, "{front:?}, a long token: {}", answer.head);
            assert!(challenge.contains("invalid_token"), "{front:?}: {challenge}");
        }
    });
}

#[test]
fn what_else_a_request_says_about_itself_changes_no_verdict() {
    let bearer = format!("Bearer {TOKEN}");
    Proxies::new().each(|front| {
        front.verdict(&[STRANGER]);
        for (who, status) in [(&*bearer, 200), (STRANGER.1, 401)] {
            for header in [
                ("Expect", "100-continue"),
                ("If-None-Match", "\"x\""),
                ("If-Modified-Since", "Thu, 01 Jan 2026 00:00:00 GMT"),
                ("Range", "bytes=0-1"),
                ("TE", "trailers"),
                ("Accept", "nothing/at-all"),
                ("Content-Type", "multipart/form-data; boundary=x"),
                ("Content-Encoding", "gzip"),
                ("Prefer", "wait=60"),
                ("Accept-Encoding", "br;q=1, identity;q=0"),
            ] {
                let answer = front.verdict(&[("Authorization", who), header]);
                // The server's own, or a proxy's, of a body that is awaited.
                let answered = if answer.status == 100 { 100 } else { status };
                assert_eq!(answer.status, answered, "{front:?} {header:?}: {}", answer.head);
            }
        }
    });
}
