//! A daemon whose `listen` speaks TLS, and who is on either side.

use std::{fs, time::SystemTime};

use super::{
    caller::{Caller, Request, get},
    pki::{Authority, Issued, replace},
};
use crate::{
    process::{Answer, Daemon, call},
    world::{AUDIENCE, SECRET, World, until},
};

pub(super) const SET: &str = "/v1/accept-set?audience=https%3A%2F%2Fmcp.example.com%2Fslack";
pub(super) const TOKEN: &str = "/v1/token?secret=mcp/slack-bot-token";
pub(super) const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A world whose `listen` speaks TLS, and whom its clients trust.
pub(super) struct Secure {
    pub(super) world: World,
    pub(super) ours: Authority,
    pub(super) clients: Authority,
    pub(super) server: Issued,
}

impl Secure {
    /// Without certificates of clients.
    pub(super) fn tls() -> Self {
        Self::on(World::new("30s"), "tls: {cert: cert.pem, key: key.pem}\n", "")
    }

    /// With them; a proxy, a bot and a host are known by theirs.
    pub(super) fn mtls(world: World) -> Self {
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

    pub(super) fn config(&self) -> String {
        fs::read_to_string(self.world.path("config.yaml")).expect("the config")
    }

    pub(super) fn configure(&self, config: &str) {
        replace(&self.world.path("config.yaml"), config, 0o600);
    }

    /// One who shows a certificate with that name.
    pub(super) fn named(&self, name: &str) -> Caller {
        Caller::new(&self.ours, Some(&self.clients.issue(&[name])))
    }

    pub(super) fn port(&self) -> u16 {
        self.world.listen
    }

    /// Whether it gets through the handshake and has an answer.
    pub(super) fn lets_in(&self, caller: &Caller) -> bool {
        caller.call(self.port(), &get("/v1/nothing", &[])).is_ok()
    }

    pub(super) fn counted(&self, series: &str) -> u64 {
        let scraped = call(self.world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
        let line = scraped.lines().find_map(|line| line.strip_prefix(series)).expect("a series");
        line.trim().parse().expect("a count")
    }

    pub(super) fn rejected(&self, reason: &str) -> u64 {
        self.counted(&format!("crossfade_http_rejected_total{{reason=\"{reason}\"}}"))
    }

    /// Reads everything again, and waits until it is taken, or kept out.
    pub(super) fn reload(&self, daemon: &Daemon, outcome: &str) {
        let series = format!("crossfade_config_reloads_total{{outcome=\"{outcome}\"}}");
        let before = self.counted(&series);
        daemon.signal("-HUP");
        until("it was read again", || (self.counted(&series) > before).then_some(()));
    }
}

pub(super) fn introspect(authorization: Option<&str>, token: &str) -> impl Fn(&Caller, u16) -> Answer {
    let bearer = authorization.map(|credential| format!("Bearer {credential}"));
    let body = format!("token={token}");
    move |caller, port| {
        let headers: Vec<_> =
            bearer.iter().map(|bearer| ("Authorization", &**bearer)).chain([FORM]).collect();
        let request = Request { method: "POST", path: "/v1/introspect", headers: &headers, body: &body };
        caller.call(port, &request).expect("an answer")
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs()
}
