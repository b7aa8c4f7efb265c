//! What reaches the server of a rightful request, and that nothing of another one does.

use std::io::{Read as _, Write as _};

use crate::{Front, Proxies, Proxy, TOKEN, world::VERIFIER};

/// What a server behind may rely on.
const IDENTITY: [&str; 5] =
    ["crossfade-client-id", "crossfade-expires", "crossfade-secret", "crossfade-stage", "crossfade-version"];

/// What a caller might forge: names of ours, doubled, in other cases, with underscores and dots; and a header that asks
/// the proxy to take some of them away.
const FORGED: [(&str, &str); 18] = [
    ("Crossfade-Client-Id", "forged"),
    ("Crossfade-Client-Id", "forged"),
    ("CROSSFADE-SECRET", "forged"),
    ("crossfade-stage", "forged"),
    ("cROSSFADE-vERSION", "forged"),
    ("Crossfade-Expires", ""),
    ("Crossfade-Expires", "9999999999"),
    ("Crossfade-Credential", "forged"),
    ("Crossfade_Client_Id", "forged"),
    ("Crossfade_Client_Id", "forged"),
    ("CROSSFADE_STAGE", "forged"),
    ("crossfade-client_id", "forged"),
    ("Crossfade_Subject", "forged"),
    ("Crossfade_Credential", "forged"),
    ("Crossfade.Client.Id", "forged"),
    ("Mcp_Access_Token", "forged"),
    ("Connection", "Crossfade-Client-Id, crossfade-secret, Crossfade-Stage"),
    ("Connection", "crossfade-version, crossfade-expires"),
];

/// Of a request's head: the names of ours in it, with what they say.
fn ours(head: &str) -> Vec<(String, String)> {
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    let mut ours: Vec<_> = headers.filter(|(name, _)| name.starts_with("crossfade")).collect();
    ours.sort();
    ours
}

/// Neither a token nor a credential, whatever was asked.
fn nothing_leaked(front: &Front) {
    for head in front.upstream.heads() {
        let lower = head.to_ascii_lowercase();
        for leak in [TOKEN, VERIFIER, "\nauthorization:", "\nmcp-access-token:", "\ncrossfade-credential:"] {
            assert!(!lower.contains(&leak.to_ascii_lowercase()), "{front:?}: {leak} in {head}");
        }
    }
}

#[test]
fn a_rightful_request_reaches_the_server_with_who_called_whatever_the_caller_forged_and_without_a_credential()
{
    let bearer = format!("Bearer {TOKEN}");
    let (authorization, own) = (("Authorization", &*bearer), ("Mcp-Access-Token", TOKEN));
    Proxies::new().each(|front| {
        for shown in [&[authorization][..], &[own], &[("mcp-access-token", TOKEN), authorization]] {
            let mut headers = shown.to_vec();
            headers.push(("slack-user-token", "xoxp-of-the-user"));
            headers.extend(FORGED);
            if front.proxy != Proxy::Nginx {
                // It knows no pattern for names, as its sample says; this one is none that a server relies on.
                headers.push(("Crossfade-Subject", "forged"));
            }
            let answer = front.post("/mcp/a?b=1", &headers, "a body");
            assert_eq!(answer.status, 200, "{front:?}: {answer:?}");
            let reached = &answer.body;
            assert!(reached.starts_with("POST /mcp/a?b=1 "), "{front:?}: {reached}");
            assert!(reached.ends_with("\r\n\r\na body"), "{front:?}: {reached}");
            assert!(reached.contains(": xoxp-of-the-user\r\n"), "{front:?}: {reached}");
            assert!(!reached.contains("forged"), "{front:?}: {reached}");
            let ours = ours(reached);
            let names: Vec<&str> = ours.iter().map(|(name, _)| &**name).collect();
            assert_eq!(names, IDENTITY, "{front:?}: {reached}");
            let [client, expires, secret, stage, _] = &ours[..] else { unreachable!("just compared") };
            assert_eq!((&*client.1, &*secret.1, &*stage.1), ("slack-bot", "mcp/slack-bot-token", "current"));
            assert!(!matches!(&*expires.1, "" | "9999999999"), "{front:?}: {reached}");
        }
        nothing_leaked(front);
    });
}

/// Some servers take what stands behind a body for headers.
#[test]
fn nothing_that_stands_behind_a_body_reaches_the_server() {
    let forged = "Crossfade-Client-Id: forged\r\nCrossfade-Stage: forged\r\nAuthorization: Bearer forged\r\n";
    Proxies::new().each(|front| {
        for announced in ["", "TE: trailers\r\nTrailer: Crossfade-Client-Id\r\n"] {
            for body in ["0\r\n", "3\r\nabc\r\n0\r\n"] {
                let mut stream = front.open(&format!(
                    "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
                     {announced}Transfer-Encoding: chunked\r\n\r\n{body}{forged}\r\n"
                ));
                let mut answer = String::new();
                stream.read_to_string(&mut answer).expect("an answer");
                let status = answer.get(9..12).unwrap_or_default();
                assert!(matches!(status, "200" | "400"), "{front:?}: {answer}");
                assert!(!front.upstream.has_seen("forged"), "{front:?} passes trailers on: {answer}");
            }
        }
    });
}

#[test]
fn what_is_refused_or_not_well_formed_never_reaches_the_server() {
    let bearer = format!("Bearer {TOKEN}");
    let identified = [("Crossfade-Client-Id", "slack-bot"), ("Crossfade-Stage", "current")];
    let credential = [("Crossfade-Credential", VERIFIER)];
    Proxies::new().each(|front| {
        front.verdict(&[("Authorization", "Bearer nobody-knows-this-one")]);
        for headers in [
            &FORGED[..],
            &identified,
            // Who has stolen a proxy's credential is no caller yet.
            &credential,
            &[("Authorization", &*bearer), ("Authorization", "Bearer nobody-knows-this-one")],
            &[("Authorization", &*bearer), ("mcp-access-token", "another")],
            &[("mcp-access-token", TOKEN), ("Mcp-Access-Token", "another")],
            &[("Mcp_Access_Token", TOKEN)],
            &[("Connection", "Authorization"), ("Authorization", "Bearer nobody-knows-this-one")],
        ] {
            let answer = front.ask(headers);
            // 400 is the proxy's own word for what no server should be sent.
            assert!(matches!(answer.status, 400 | 401), "{front:?} {headers:?}: {answer:?}");
        }
        // Lines that are two things to two readers: refused, or harmless.
        let before = front.upstream.heads().len();
        assert_eq!(before, 0, "{front:?}: {:?}", front.upstream.heads());
        for odd in [
            "Crossfade-Client-Id : forged",
            "X: y\r\n\tCrossfade-Client-Id: forged",
            "X: y\nCrossfade-Stage: forged",
        ] {
            let (name, value) = odd.split_once(": ").expect("a header");
            let answer = front.post("/mcp", &[("Authorization", &bearer), (name, value)], "");
            assert!(matches!(answer.status, 200 | 400), "{front:?} {odd:?}: {answer:?}");
        }
        for head in front.upstream.heads() {
            let forged = ours(&head).iter().any(|(_, value)| value == "forged");
            assert!(!forged, "{front:?}: {head}");
        }
        nothing_leaked(front);
    });
}

/// A proxy that answers before it has read a body must not take the rest of it for the next request.
#[test]
fn no_part_of_a_body_that_is_refused_is_taken_for_a_request() {
    let hidden = format!("GET /hidden HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    Proxies::new().each(|front| {
        front.verdict(&[("Authorization", "Bearer nobody-knows-this-one")]);
        for bytes in [1_000, 100_000, 300_000, 1_000_000] {
            let body = hidden.repeat(bytes / hidden.len() + 1);
            let mut stream = front.open(&format!(
                "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer nobody-knows-this-one\r\nContent-Length: {}\r\n\r\n",
                body.len()
            ));
            // Whoever has refused it may have hung up.
            let _ = stream.write_all(body.as_bytes());
            let _ = stream.read(&mut [0; 4096]);
        }
        front.verdict(&[("Authorization", "Bearer nobody-knows-this-one")]);
        assert_eq!(front.upstream.heads().len(), 0, "{front:?}");
    });
}
