//! An MCP server that verifies by itself: the real crate, following the replicas over the network.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crossfade_verify::{
    Reason, Verdict, Verifier,
    feed::{Event, Feed},
};

use crate::{
    host::{Host, OfServer},
    scenario::{AUDIENCE, Broken},
    world::{CREDENTIAL, World},
};

pub(crate) struct Server {
    pub(crate) host: Arc<Host>,
    cache: PathBuf,
    verifier: Mutex<Option<Verifier>>,
    /// The true time at which a replica answered last.
    heard_ms: Arc<Mutex<Option<u64>>>,
    refuses_while_stale: bool,
}

impl Server {
    pub(crate) fn new(host: Arc<Host>, cache: PathBuf, broken: Option<Broken>) -> Self {
        let refuses_while_stale = broken == Some(Broken::RefusesWhileStale);
        Self { host, cache, verifier: Mutex::default(), heard_ms: Arc::default(), refuses_while_stale }
    }

    /// Its process begins, with what it kept.
    pub(crate) async fn start(&self, world: &World) {
        world.journal.tell(&self.host.name, "starts");
        let urls: Vec<String> =
            world.replicas.iter().map(|replica| format!("http://{}", replica.host.name)).collect();
        let (journal, changed) = (Arc::clone(&world.journal), Arc::clone(&world.changed));
        let (name, heard) = (self.host.name.clone(), Arc::clone(&self.heard_ms));
        let feed = Feed::http(urls.join(","), CREDENTIAL)
            .danger_allow_plaintext()
            .instance(&name)
            .cache(&self.cache)
            .machine(Arc::new(OfServer(Arc::clone(&self.host))))
            .on_event(move |event| {
                if let Event::Applied { .. } | Event::Confirmed { .. } = event {
                    *heard.lock().expect("no panic") = Some(journal.now_ms());
                }
                journal.tell(&name, event);
                changed.notify_one();
            });
        let verifier = Verifier::connect(feed, AUDIENCE).await.expect("a sound feed");
        *self.verifier.lock().expect("no panic") = Some(verifier);
        world.changed.notify_one();
    }

    /// Its process ends.
    pub(crate) fn stop(&self, world: &World) {
        if self.verifier.lock().expect("no panic").take().is_some() {
            world.journal.tell(&self.host.name, "stops");
        }
    }

    pub(crate) fn heard_ms(&self) -> Option<u64> {
        *self.heard_ms.lock().expect("no panic")
    }

    /// While it runs.
    pub(crate) fn verifier(&self) -> Option<Verifier> {
        self.verifier.lock().expect("no panic").clone().filter(|_| self.host.is_awake())
    }

    /// What it says, by the rules or without one.
    pub(crate) fn says(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Unsure if self.refuses_while_stale => Verdict::Refused(Reason::Unknown),
            other => other,
        }
    }
}
