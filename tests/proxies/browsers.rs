//! A page of another origin in a browser (CORS): it may ask where the sample names its origin, and else not.

use crossfade_testing_fleet::process::{Answer, call};

use crate::{Front, Proxies, TOKEN};

/// The one that the samples name.
const PAGE: (&str, &str) = ("Origin", "https://app.example.com");

const STRANGER: (&str, &str) = ("Authorization", "Bearer nobody-knows-this-one");

/// What a browser asks before a page's request with a token.
fn preflight(front: &Front, origin: &str) -> Answer {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,content-type,mcp-protocol-version"),
    ];
    call(front.port, "OPTIONS", "/mcp", &headers, "").expect("an answer")
}

/// Of a header that is a list, whether each of these is in it, in whatever case.
fn lists(answer: &Answer, header: &str, names: &[&str]) -> bool {
    let listed = answer.header(header).unwrap_or_default().to_ascii_lowercase();
    let listed: Vec<&str> = listed.split(',').map(str::trim).collect();
    names.iter().all(|name| listed.contains(&&*name.to_ascii_lowercase()))
}

fn allowed(answer: &Answer) -> Vec<String> {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    let named = lines.filter(|(name, _)| name.eq_ignore_ascii_case("access-control-allow-origin"));
    named.map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn a_page_of_the_origin_that_is_named_may_ask_and_read_what_it_needs() {
    let bearer = format!("Bearer {TOKEN}");
    let known = ("Authorization", &*bearer);
    let mut proxies = Proxies::new();
    proxies.each(|front| {
        front.verdict(&[STRANGER]);
        let answer = preflight(front, PAGE.1);
        assert!(matches!(answer.status, 200 | 204), "{front:?}: {answer:?}");
        assert_eq!(allowed(&answer), [PAGE.1], "{front:?}: {answer:?}");
        assert!(lists(&answer, "access-control-allow-methods", &["GET", "POST", "DELETE"]), "{answer:?}");
        let sent =
            ["Authorization", "Content-Type", "Mcp-Session-Id", "Mcp-Protocol-Version", "Last-Event-ID"];
        assert!(lists(&answer, "access-control-allow-headers", &sent), "{front:?}: {answer:?}");
        assert_eq!(front.upstream.heads().len(), 0, "{front:?}: it is no business of the server's");
        for (headers, status) in [(vec![PAGE, known], 200), (vec![PAGE, STRANGER], 401), (vec![PAGE], 401)] {
            let answer = front.verdict(&headers);
            assert_eq!(answer.status, status, "{front:?}: {answer:?}");
            // The server's own is not beside it: browsers take two for none.
            assert_eq!(allowed(&answer), [PAGE.1], "{front:?}: {answer:?}");
            let read = ["WWW-Authenticate", "Mcp-Session-Id", "Retry-After"];
            assert!(lists(&answer, "access-control-expose-headers", &read), "{front:?}: {answer:?}");
            assert!(lists(&answer, "vary", &["Origin"]), "{front:?}: {answer:?}");
        }
    });
    proxies.daemon.signal("-KILL");
    proxies.daemon.exit();
    proxies.each(|front| {
        let answer = front.ask(&[PAGE, known]);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{front:?}: {answer:?}");
        assert_eq!(allowed(&answer), [PAGE.1], "{front:?}: \"don't know\" can be read too: {answer:?}");
    });
}

#[test]
fn a_page_of_another_origin_may_not_and_a_preflight_lets_nobody_in() {
    let bearer = format!("Bearer {TOKEN}");
    Proxies::new().each(|front| {
        front.verdict(&[STRANGER]);
        for origin in [
            "https://other.example",
            "null",
            "https://app.example.com.other.example",
            "http://app.example.com",
        ] {
            let answer = front.settled(|| preflight(front, origin));
            assert!(allowed(&answer).is_empty(), "{front:?} {origin}: {answer:?}");
        }
        // What only looks like one is guarded as everything else.
        for headers in [vec![PAGE], vec![("Access-Control-Request-Method", "POST")]] {
            let ask = || call(front.port, "OPTIONS", "/mcp", &headers, "").expect("an answer");
            let answer = front.settled(ask);
            assert_eq!(answer.status, 401, "{front:?} {headers:?}: {answer:?}");
        }
        for method in ["POST", "GET", "DELETE"] {
            let headers = [PAGE, ("Access-Control-Request-Method", "POST")];
            let answer = front.settled(|| call(front.port, method, "/mcp", &headers, "").expect("an answer"));
            assert_eq!(answer.status, 401, "{front:?} {method}: {answer:?}");
        }
        assert_eq!(front.upstream.heads().len(), 0, "{front:?}: {:?}", front.upstream.heads());
        // Neither is it the server's to say.
        let answer = front.verdict(&[("Origin", "https://other.example"), ("Authorization", &bearer)]);
        assert!(answer.status == 200 && allowed(&answer).is_empty(), "{front:?}: {answer:?}");
    });
}
