//! Who shows a certificate, and who is known by it.

use std::thread;

use super::{
    caller::{self, BOTH, Caller, get},
    pki::Authority,
    secure::{SET, Secure, TOKEN, introspect, now},
};
use crate::world::{BOT, SECRET, VERIFIER, World, until};

#[test]
fn with_a_client_ca_nobody_gets_in_without_a_certificate_of_it_that_is_valid() {
    let secure = Secure::mtls(World::new("30s"));
    let daemon = secure.world.start();
    let stranger = Authority::new("theirs").issue(&["dns:mcp.example.com"]);
    let expired = secure.clients.issue_until(&["dns:mcp.example.com"], now() - 60);
    for version in BOTH {
        for (who, shows) in
            [("without one", None), ("of another CA", Some(&stranger)), ("expired", Some(&expired))]
        {
            let caller = Caller::speaking(&[version], &[], &secure.ours, shows);
            assert!(!secure.lets_in(&caller), "{who}, {version:?}");
        }
    }
    until("each is counted", || (secure.rejected("handshake") == 6).then_some(()));
    assert!(secure.lets_in(&secure.named("dns:mcp.example.com")), "{}", daemon.log());
}

#[test]
fn a_client_is_known_by_the_whole_name_in_its_certificate() {
    let secure = Secure::mtls(World::new("30s"));
    let _daemon = secure.world.start();
    let (port, token) = (secure.port(), secure.world.token());
    for version in BOTH {
        let shows = secure.clients.issue(&["dns:elsewhere.example.com", "dns:MCP.example.com"]);
        let verifier = Caller::speaking(&[version], &[], &secure.ours, Some(&shows));
        let answer = introspect(None, &token)(&verifier, port);
        assert_eq!((answer.status, &answer.json()["active"]), (200, &true.into()), "{answer:?}");
        assert_eq!(verifier.call(port, &get(TOKEN, &[])).expect("an answer").status, 403, "it is no bot");
    }
    let bot = secure.named("uri:spiffe://example.com/bot").call(port, &get(TOKEN, &[])).expect("an answer");
    assert_eq!((bot.status, &bot.json()["token"]), (200, &token.clone().into()));
    for other in [
        "dns:*.example.com",
        "dns:a.mcp.example.com",
        "dns:example.com",
        "dns:mcp.example.com.evil.org",
        "uri:dns:mcp.example.com",
        "uri:spiffe://example.com/bot/",
        "uri:spiffe://example.com/Bot",
    ] {
        let caller = secure.named(other);
        assert_eq!(introspect(None, &token)(&caller, port).status, 401, "{other}");
        assert_eq!(
            introspect(Some(VERIFIER), &token)(&caller, port).status,
            200,
            "{other} with a credential"
        );
    }
    for credential in ["nonsense", BOT] {
        let certified = introspect(Some(credential), &token)(&secure.named("dns:mcp.example.com"), port);
        assert_eq!(certified.status, 200, "a certificate goes before what the headers say");
    }
}

#[test]
fn a_proxy_is_known_by_its_certificate_and_its_callers_choose_nothing() {
    let secure = Secure::mtls(World::new("30s"));
    let _daemon = secure.world.start();
    let bearer = format!("Bearer {}", secure.world.token());
    let ask = |caller: &Caller, headers: &[(&str, &str)]| {
        let all: Vec<_> = [("Authorization", &*bearer)].iter().chain(headers).copied().collect();
        caller.call(secure.port(), &get("/v1/authorize/mcp", &all)).expect("an answer")
    };
    let proxy = secure.named("dns:mcp.example.com");
    let answer = ask(&proxy, &[]);
    assert_eq!((answer.status, answer.header("crossfade-client-id")), (200, Some("slack-bot")), "{answer:?}");
    for credential in [BOT, VERIFIER, "nonsense"] {
        assert_eq!(
            ask(&proxy, &[("Crossfade-Credential", credential)]).status,
            200,
            "{credential}: the caller's"
        );
    }
    assert_eq!(ask(&secure.named("uri:spiffe://example.com/bot"), &[]).status, 503, "no verifier");
    let unknown = secure.named("dns:elsewhere.example.com");
    assert_eq!(ask(&unknown, &[]).status, 503);
    assert_eq!(ask(&unknown, &[("Crossfade-Credential", VERIFIER)]).status, 200, "it shows a credential");
}

#[test]
fn a_held_poll_over_mtls_ends_with_a_change_with_a_reload_and_with_the_daemon() {
    let secure = Secure::mtls(World::with_slow_sync());
    let mut daemon = secure.world.start();
    let verifier = secure.named("dns:mcp.example.com");
    let set = until("a set", || {
        let set = verifier.call(secure.port(), &get(SET, &[])).expect("an answer");
        Some(set).filter(|answer| answer.status == 200)
    });
    let tag = set.header("etag").expect("a tag").to_owned();
    let poll = |connection: &mut caller::Connection, tag: &str, pod: u64| {
        let pod = format!("pod-{pod}");
        let headers = [("If-None-Match", tag), ("Prefer", "wait=60"), ("Crossfade-Instance", &*pod)];
        connection.ask(&get(SET, &headers)).expect("an answer")
    };
    // Each is another pod, so that the one before is not taken for it.
    let held = |act: &dyn Fn(), tag: &str, pod: u64| {
        let mut connection = verifier.connect(secure.port()).expect("a connection");
        let asked = || {
            let of = |state| {
                let labels = format!("{{audience=\"https://mcp.example.com/slack\",state=\"{state}\"}}");
                secure.counted(&format!("crossfade_verifiers{labels}"))
            };
            ["up_to_date", "behind", "gone"].into_iter().map(of).sum::<u64>()
        };
        thread::scope(|scope| {
            let poll = scope.spawn(|| (poll(&mut connection, tag, pod), connection));
            until("it is held", || (asked() == pod).then_some(()));
            act();
            poll.join().expect("an answer")
        })
    };
    let (changed, _) = held(&|| drop(secure.world.ok(&["rotate", SECRET])), &tag, 1);
    assert_eq!(changed.status, 200);
    let tag = changed.header("etag").expect("a tag").to_owned();
    let (again, mut connection) = held(&|| secure.reload(&daemon, "applied"), &tag, 2);
    assert_eq!(again.status, 304);
    assert_eq!(poll(&mut connection, "\"other\"", 2).status, 200, "the connection lives on");
    let (stopped, mut connection) = held(&|| daemon.signal("-TERM"), &tag, 3);
    assert_eq!((stopped.status, stopped.header("connection")), (304, Some("close")));
    connection.ended().expect("an end as TLS wants it");
    assert!(daemon.exit().success());
}

#[test]
fn a_session_is_resumed_and_its_certificate_is_judged_again() {
    let secure = Secure::mtls(World::new("30s"));
    let daemon = secure.world.start();
    for version in BOTH {
        let until_s = now() + 8;
        let shows = secure.clients.issue_until(&["dns:mcp.example.com"], until_s);
        let caller = Caller::speaking(&[version], &[], &secure.ours, Some(&shows));
        let resumes = || -> std::io::Result<bool> {
            let mut connection = caller.connect(secure.port())?;
            let answer = connection.ask(&get(SET, &[]))?;
            assert!(answer.status == 200 || answer.status == 503, "it is known: {answer:?}");
            Ok(connection.is_resumed())
        };
        assert!(!resumes().expect("an answer"));
        assert!(resumes().expect("an answer"), "{version:?}");
        secure.reload(&daemon, "applied");
        assert!(resumes().expect("an answer"), "the same certificates: {version:?}");
        until("its certificate expires", || (now() > until_s).then_some(()));
        assert!(resumes().is_err(), "{version:?}");
    }
}
