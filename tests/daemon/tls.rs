//! TLS on `listen`: who gets in, as whom, and what a SIGHUP changes.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, SystemTime},
};

use caller::{BOTH, Caller, Request, get};
use pki::{Authority, Issued, replace};

use crate::{
    process::{Answer, Daemon, call, raw},
    world::{AUDIENCE, BOT, SECRET, VERIFIER, World, until},
};

mod caller;
mod pki;

const SET: &str = "/v1/accept-set?audience=https%3A%2F%2Fmcp.example.com%2Fslack";
const TOKEN: &str = "/v1/token?secret=mcp/slack-search";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A world whose `listen` speaks TLS, and whom its clients trust.
struct Secure {
    world: World,
    ours: Authority,
    clients: Authority,
    server: Issued,
}

impl Secure {
    /// Without certificates of clients.
    fn tls() -> Self {
        Self::on(World::new("30s"), "tls: {cert: cert.pem, key: key.pem}\n", "")
    }

    /// With them; a proxy, a bot and a host are known by theirs.
    fn mtls(world: World) -> Self {
        Self::on(
            world,
            "tls: {cert: cert.pem, key: key.pem, client_ca: ca.pem}\n",
            &format!(
                "  - {{id: by-host, role: verifier, audiences: [\"{AUDIENCE}\"], client_cert_san: 'dns:mcp.example.com'}}
  - {{id: by-uri, role: bot, secrets: [{SECRET}], client_cert_san: 'uri:spiffe://example.com/bot'}}\n"
            ),
        )
    }

    fn on(world: World, tls: &str, clients: &str) -> Self {
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let server = ours.issue(&["dns:localhost"]);
        server.write(world.folder.path());
        theirs.write(&world.path("ca.pem"));
        let secure = Self { world, ours, clients: theirs, server };
        let config = secure.config();
        secure.configure(&format!("{tls}{config}{clients}"));
        secure
    }

    fn config(&self) -> String {
        fs::read_to_string(self.world.path("config.yaml")).expect("the config")
    }

    fn configure(&self, config: &str) {
        replace(&self.world.path("config.yaml"), config, 0o600);
    }

    /// One who shows a certificate with that name.
    fn named(&self, name: &str) -> Caller {
        Caller::new(&self.ours, Some(&self.clients.issue(&[name])))
    }

    fn port(&self) -> u16 {
        self.world.listen
    }

    /// Whether it gets through the handshake and has an answer.
    fn lets_in(&self, caller: &Caller) -> bool {
        caller.call(self.port(), &get("/v1/nothing", &[])).is_ok()
    }

    fn counted(&self, series: &str) -> u64 {
        let scraped = call(self.world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
        let line = scraped.lines().find_map(|line| line.strip_prefix(series)).expect("a series");
        line.trim().parse().expect("a count")
    }

    fn rejected(&self, reason: &str) -> u64 {
        self.counted(&format!("crossfade_http_rejected_total{{reason=\"{reason}\"}}"))
    }

    /// Reads everything again, and waits until it is taken, or kept out.
    fn reload(&self, daemon: &Daemon, outcome: &str) {
        let series = format!("crossfade_config_reloads_total{{outcome=\"{outcome}\"}}");
        let before = self.counted(&series);
        daemon.signal("-HUP");
        until("it was read again", || (self.counted(&series) > before).then_some(()));
    }
}

fn introspect(authorization: Option<&str>, token: &str) -> impl Fn(&Caller, u16) -> Answer {
    let bearer = authorization.map(|credential| format!("Bearer {credential}"));
    let body = format!("token={token}");
    move |caller, port| {
        let headers: Vec<_> =
            bearer.iter().map(|bearer| ("Authorization", &**bearer)).chain([FORM]).collect();
        let request = Request { method: "POST", path: "/v1/introspect", headers: &headers, body: &body };
        caller.call(port, &request).expect("an answer")
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs()
}

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
fn off_loopback_tls_is_enough_for_tokens_and_plaintext_is_not() {
    let secure = Secure::tls();
    let config = secure.config().replace("listen: 127.0.0.1:", "listen: 0.0.0.0:");
    let config = config.replace("metrics_listen: 0.0.0.0:", "metrics_listen: 127.0.0.1:");
    secure.configure(&config);
    let bearer = format!("Bearer {BOT}");
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
        assert!(matches!(stream.read(&mut [0; 64]), Ok(0) | Err(_)));
    }
    until("they are counted", || (secure.rejected("timeout") == 150).then_some(()));
}

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
    let certified = introspect(Some("nonsense"), &token)(&secure.named("dns:mcp.example.com"), port);
    assert_eq!(certified.status, 200, "a certificate goes before what the headers say");
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
    let poll = |connection: &mut caller::Connection, tag: &str| {
        let headers = [("If-None-Match", tag), ("Prefer", "wait=60"), ("Crossfade-Instance", "pod-1")];
        connection.ask(&get(SET, &headers)).expect("an answer")
    };
    let held = |act: &dyn Fn(), tag: &str| {
        let mut connection = verifier.connect(secure.port()).expect("a connection");
        let asked = || {
            secure.counted(
                "crossfade_verifiers{audience=\"https://mcp.example.com/slack\",state=\"up_to_date\"}",
            )
        };
        thread::scope(|scope| {
            let poll = scope.spawn(|| (poll(&mut connection, tag), connection));
            until("it is held", || (asked() == 1).then_some(()));
            act();
            poll.join().expect("an answer")
        })
    };
    let (changed, _) = held(&|| drop(secure.world.ok(&["rotate", SECRET])), &tag);
    assert_eq!(changed.status, 200);
    let tag = changed.header("etag").expect("a tag").to_owned();
    let (again, mut connection) = held(&|| secure.reload(&daemon, "applied"), &tag);
    assert_eq!(again.status, 304);
    assert_eq!(poll(&mut connection, "\"other\"").status, 200, "the connection lives on");
    let (stopped, mut connection) = held(&|| daemon.signal("-TERM"), &tag);
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

#[test]
fn sighup_takes_a_new_certificate_for_new_connections_and_keeps_out_a_broken_one() {
    let secure = Secure::tls();
    let daemon = secure.world.start();
    let caller = Caller::new(&secure.ours, None);
    let shown = || caller.connect(secure.port()).expect("a connection").shown();
    let bearer = format!("Bearer {VERIFIER}");
    let mut old = caller.connect(secure.port()).expect("a connection");
    let mut lives = || {
        let answer = old.ask(&get(SET, &[("Authorization", &bearer)])).expect("an answer");
        assert_ne!(answer.status, 401, "{answer:?}");
    };
    lives();
    let newer = secure.ours.issue(&["dns:localhost"]);
    newer.write(secure.world.folder.path());
    secure.reload(&daemon, "applied");
    assert_eq!(shown(), newer.der());
    lives();

    let (cert, key) = (secure.world.path("cert.pem"), secure.world.path("key.pem"));
    let whole = [&cert, &key].map(|path| fs::read_to_string(path).expect("a file"));
    let other = secure.ours.issue(&["dns:localhost"]);
    for (what, breaks) in [
        (
            "`tls.key` (",
            &(|| {
                other.write(secure.world.folder.path());
                replace(&key, &whole[1], 0o600)
            }) as &dyn Fn(),
        ),
        ("it is not the key of the certificate", &|| {}),
        ("there is no certificate in it", &|| replace(&cert, "nonsense", 0o644)),
        ("no whole PEM file", &|| replace(&cert, &whole[0][..whole[0].len() / 2], 0o644)),
        ("`tls.cert` (", &|| fs::remove_file(&cert).expect("it is gone")),
        ("lets in others: chmod", &|| replace(&key, &whole[1], 0o604)),
        ("`tls` can't change while the daemon runs", &|| {
            let config = secure.config();
            secure.configure(&config.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>());
        }),
    ] {
        breaks();
        secure.reload(&daemon, "rejected");
        until(what, || daemon.log().contains(what).then_some(()));
        assert_eq!(shown(), newer.der(), "{what}");
    }
    lives();
}

#[test]
fn another_client_ca_ends_the_connections_that_the_old_one_let_in() {
    let secure = Secure::mtls(World::new("30s"));
    let daemon = secure.world.start();
    let before = secure.named("dns:mcp.example.com");
    let mut old = before.connect(secure.port()).expect("a connection");
    assert_ne!(old.ask(&get(SET, &[])).expect("an answer").status, 401);
    let successor = Authority::new("successor");
    successor.write(&secure.world.path("ca.pem"));
    secure.reload(&daemon, "applied");
    old.ended().expect("an end as TLS wants it");
    assert!(!secure.lets_in(&before), "its session is not resumed either");
    let issued = successor.issue(&["dns:mcp.example.com"]);
    let after = Caller::new(&secure.ours, Some(&issued)).call(secure.port(), &get(SET, &[]));
    assert_ne!(after.expect("an answer").status, 401);
}

#[test]
fn a_client_that_is_taken_out_of_the_config_loses_its_connection() {
    let secure = Secure::mtls(World::new("30s"));
    let daemon = secure.world.start();
    let mut connection = secure.named("dns:mcp.example.com").connect(secure.port()).expect("a connection");
    assert_ne!(connection.ask(&get(SET, &[])).expect("an answer").status, 401);
    let config = secure.config();
    let without: Vec<&str> = config.lines().filter(|line| !line.contains("by-host")).collect();
    secure.configure(&format!("{}\n", without.join("\n")));
    secure.reload(&daemon, "applied");
    let answer = connection.ask(&get(SET, &[])).expect("an answer");
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
    connection.ended().expect("an end");
}

#[test]
fn check_and_serve_say_what_is_wrong_with_each_file_at_once() {
    let secure = Secure::mtls(World::new("30s"));
    let key = secure.world.path("key.pem");
    let text = fs::read_to_string(&key).expect("a key");
    for mode in [0o600, 0o400, 0o640, 0o440] {
        replace(&key, &text, mode);
        secure.world.ok(&["check"]);
    }
    for mode in [0o644, 0o602, 0o660, 0o601] {
        replace(&key, &text, mode);
        let said = secure.world.fails(2, &["check"]);
        assert!(said.contains("`tls.key` (") && said.contains("chmod u=rw,g=r,o="), "{mode:o}: {said}");
    }
    replace(
        &key,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        0o600,
    );
    replace(&secure.world.path("cert.pem"), "", 0o644);
    replace(&secure.world.path("ca.pem"), &text, 0o644);
    for (code, command) in [(2, "check"), (1, "serve")] {
        let said = secure.world.fails(code, &[command]);
        for what in
            ["`tls.cert` (", "`tls.key` (", "not encrypted", "`tls.client_ca` (", "no certificate in it"]
        {
            assert!(said.contains(what), "{command} has to say {what:?}: {said}");
        }
        assert!(!said.contains(text.lines().nth(1).expect("a line")), "nothing of a file is shown");
    }
    replace(&secure.world.path("ca.pem"), &text, 0o666);
    assert!(secure.world.fails(2, &["check"]).contains("chmod o-w"));
}
