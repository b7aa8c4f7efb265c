//! The request as the server sees it: the caller's, but for what the sample is there to change.

use std::{io::Read as _, net::IpAddr};

use crossfade_testing_fleet::process::Answer;

use crate::{Front, Proxies, Proxy, TOKEN};

/// What each adds for the server to know whom it answers. (Traefik asks for gzip where a caller did not, and unpacks it.)
const fn adds(proxy: Proxy) -> &'static [&'static str] {
    match proxy {
        Proxy::Nginx | Proxy::Haproxy => &["x-forwarded-for", "x-forwarded-proto"],
        Proxy::Caddy => &["via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"],
        Proxy::Traefik => &[
            "accept-encoding",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-forwarded-server",
            "x-real-ip",
        ],
        Proxy::Envoy => &["x-envoy-external-address", "x-forwarded-for", "x-forwarded-proto", "x-request-id"],
    }
}

/// Names in whatever case and order (RFC 9110, sections 5.1 and 5.3), but one name's values in theirs.
fn headers(head: &str) -> Vec<(String, String)> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let mut headers: Vec<_> =
        lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers
}

fn compare(front: &Front, line: &str, sent: &[(&str, &str)], body: &str) {
    let mut request = format!("{line}\r\n");
    for (name, value) in sent {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let own = format!("Connection: close\r\nAuthorization: Bearer {TOKEN}");
    let answer = front.settled(|| {
        let mut stream = front.open(&format!("{request}{own}\r\n\r\n{body}"));
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        Answer::of(&answer)
    });
    let (reached, reached_body) = answer
        .body
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{front:?} lets it not through: {answer:?}\nof {request}"));
    assert_eq!(reached.lines().next(), Some(line), "{front:?}");
    assert_eq!(reached_body, body, "{front:?}");
    let (mut reached, sent) = (headers(reached), headers(&request));
    let was_sent = |name: &str| sent.iter().any(|(sent, _)| sent == name);
    reached.retain(|(name, _)| {
        let added = adds(front.proxy).contains(&&**name) && !was_sent(name);
        !added && !name.starts_with("crossfade-") && name != "connection"
    });
    assert_eq!(reached, sent, "{front:?}");
}

/// What MCP's clients send.
const MCP: [(&str, &str); 12] = [
    ("Accept", "application/json, text/event-stream"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Mcp-Session-Id", "1868a90c-0000-4000-8000-000000000000"),
    ("MCP-Protocol-Version", "2025-11-25"),
    ("Last-Event-ID", "a_1"),
    ("slack-user-token", "xoxp-of-the-user"),
    ("Origin", "https://other.example"),
    ("User-Agent", "a client/1.0 (of some kind)"),
    ("Accept-Encoding", "br"),
    ("Cookie", "a=b; c=d"),
    ("X-Twice", "one"),
    ("X-Twice", "two, three"),
];

#[test]
fn the_server_sees_the_request_as_it_was_sent() {
    Proxies::new().each(|front| {
        let mut sent = vec![("Host", "mcp.example.com:8443")];
        compare(front, "POST /mcp HTTP/1.1", &sent, "{}");
        sent.extend(MCP);
        compare(front, "POST /mcp HTTP/1.1", &sent, "{\"id\": 1}");
        compare(front, "POST /mcp/a%2Fb//c/../d;e?x=%zz&y=a%20b+c&x&&=%3B HTTP/1.1", &sent, "{}");
        compare(front, "DELETE /mcp HTTP/1.1", &sent, "");
    });
}

#[test]
fn whatever_host_a_caller_named_with_its_port_the_server_is_told_of_it() {
    Proxies::new().each(|front| {
        for host in [
            "localhost",
            "127.0.0.1:8080",
            "MCP.Example.COM:443",
            "mcp.example.com.:80",
            "[::1]:9000",
            "xn--bcher-kva.example:1",
            "a_b.example",
        ] {
            compare(front, "POST /mcp HTTP/1.1", &[("Host", host)], "{}");
        }
    });
}

/// What a caller may say about where it comes from.
const ORIGIN: [(&str, &str); 8] = [
    ("X-Forwarded-For", "203.0.113.66"),
    ("X-Forwarded-Host", "forged.example"),
    ("X-Forwarded-Proto", "forged"),
    ("X-Forwarded-Port", "forged"),
    ("X-Forwarded-Prefix", "/forged"),
    ("X-Forwarded-Server", "forged.example"),
    ("Forwarded", "for=203.0.113.66;host=forged.example"),
    ("X-Real-IP", "203.0.113.66"),
];

/// Servers that trust a proxy on loopback believe these.
#[test]
fn where_a_caller_comes_from_the_server_is_told_by_the_proxy_alone() {
    let bearer = format!("Bearer {TOKEN}");
    Proxies::new().each(|front| {
        let mut sent = vec![("Authorization", &*bearer)];
        sent.extend(ORIGIN);
        let answer = front.verdict(&sent);
        assert_eq!(answer.status, 200, "{front:?}: {answer:?}");
        let reached = headers(&answer.body);
        for (name, value) in &reached {
            let forged = value.contains("forged") || value.contains("203.0.113.66");
            assert!(!forged && name != "forwarded", "{front:?}: {name}: {value}");
        }
        let said = |name: &str| {
            let values = reached.iter().filter(|(found, _)| found == name).map(|(_, value)| &**value);
            values.collect::<Vec<_>>().join(" and ")
        };
        assert!(said("x-forwarded-for").parse::<IpAddr>().is_ok(), "{front:?}: {}", answer.body);
        assert_eq!(said("x-forwarded-proto"), "http", "{front:?}: {}", answer.body);
    });
}

#[test]
fn what_is_between_the_caller_and_the_proxy_alone_does_not_reach_the_server() {
    let bearer = format!("Bearer {TOKEN}");
    let between = [
        ("TE", "trailers"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        // It may be a credential.
        ("Proxy-Authorization", "Basic eDp5"),
    ];
    Proxies::new().each(|front| {
        let mut sent = vec![("Authorization", &*bearer)];
        sent.extend(between);
        let answer = front.verdict(&sent);
        assert_eq!(answer.status, 200, "{front:?}: {answer:?}");
        for (name, value) in headers(&answer.body) {
            let passed = between.iter().any(|(sent, _)| name.eq_ignore_ascii_case(sent));
            assert!(!passed, "{front:?}: {name}: {value}");
        }
    });
}
