//! The network between machines: links that can be slow or cut, and connections in memory that break.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crossfade_verify::feed::Stream;
use tokio::{
    io::{DuplexStream, duplex},
    sync::{mpsc, watch},
};
use tokio_util::task::TaskTracker;

use crate::{
    connection::{Ending, carry},
    dice::Dice,
    flag::Flag,
    host::Host,
    journal::Journal,
};

/// What is between two machines.
#[derive(Debug, Default)]
pub(crate) struct Link {
    cut: Flag,
    slow_ms: AtomicU64,
}

impl Link {
    /// Whether anything passes.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.is_up()
    }

    /// How long the way takes this time.
    pub(crate) fn latency(&self, dice: &Dice) -> Duration {
        dice.millis(1..=20 + self.slow_ms.load(Relaxed))
    }

    /// The way of something that is sent again until it arrives, however long the link is cut.
    pub(crate) async fn pass(&self, dice: &Dice) {
        loop {
            self.cut.wait_for(false).await;
            tokio::time::sleep(self.latency(dice)).await;
            if !self.is_cut() {
                return;
            }
        }
    }
}

/// All machines' links and connections.
pub(crate) struct Network {
    pub(crate) journal: Arc<Journal>,
    pub(crate) tasks: TaskTracker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    links: BTreeMap<(String, String), Arc<Link>>,
    ports: BTreeMap<String, (Arc<Host>, mpsc::UnboundedSender<DuplexStream>)>,
    connections: Vec<(String, String, watch::Sender<Option<Ending>>)>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    pub(crate) fn new() -> Arc<Self> {
        let (journal, tasks) = (Arc::new(Journal::new()), TaskTracker::new());
        Arc::new(Self { journal, tasks, state: Mutex::default() })
    }

    pub(crate) fn link(&self, one: &str, other: &str) -> Arc<Link> {
        let key = (one.min(other).to_owned(), one.max(other).to_owned());
        let mut state = self.lock();
        Arc::clone(state.links.entry(key).or_default())
    }

    pub(crate) fn cut(&self, one: &str, other: &str, cut: bool) {
        self.link(one, other).cut.set(cut);
    }

    pub(crate) fn slow_down(&self, one: &str, other: &str, by_ms: u64) {
        self.link(one, other).slow_ms.store(by_ms, Relaxed);
    }

    /// Every link is whole and quick again.
    pub(crate) fn heal(&self) {
        let links: Vec<_> = self.lock().links.values().cloned().collect();
        for link in links {
            link.cut.set(false);
            link.slow_ms.store(0, Relaxed);
        }
    }

    /// From now on it takes connections.
    pub(crate) fn listen(&self, host: &Arc<Host>) -> mpsc::UnboundedReceiver<DuplexStream> {
        let (port, connections) = mpsc::unbounded_channel();
        self.lock().ports.insert(host.name.clone(), (Arc::clone(host), port));
        connections
    }

    /// Its process is gone. Who was connected hears of it, or does not.
    pub(crate) fn close(&self, host: &str, ending: Ending) {
        self.lock().ports.remove(host);
        self.end(|_, to| to == host, ending);
    }

    /// Breaks the connections between the two.
    pub(crate) fn reset(&self, one: &str, other: &str) {
        self.end(|from, to| (from, to) == (one, other) || (to, from) == (one, other), Ending::Reset);
    }

    fn end(&self, which: impl Fn(&str, &str) -> bool, ending: Ending) {
        let mut state = self.lock();
        state.connections.retain(|(.., end)| !end.is_closed());
        for (_, _, end) in state.connections.iter().filter(|(from, to, _)| which(from, to)) {
            end.send_replace(Some(ending));
        }
    }

    pub(crate) async fn connect(&self, from: &Arc<Host>, to: &str) -> io::Result<Box<dyn Stream>> {
        from.awake().await;
        let link = self.link(&from.name, to);
        let dice = from.dice.fork();
        link.pass(&dice).await;
        let (near, one) = duplex(64 * 1024);
        let (other, far) = duplex(64 * 1024);
        let (end, ended) = watch::channel(None);
        let host = {
            let mut state = self.lock();
            let taken = state.ports.get(to).filter(|(_, port)| port.send(far).is_ok());
            let taken = taken.map(|(host, _)| Arc::clone(host)).ok_or(io::ErrorKind::ConnectionRefused)?;
            state.connections.push((from.name.clone(), to.to_owned(), end));
            taken
        };
        let ways = [(one, Arc::clone(from)), (other, host)];
        self.tasks.spawn(carry(ways, Arc::clone(&link), dice.fork(), ended));
        link.pass(&dice).await;
        Ok(Box::new(near))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }
}
