//! The proxies' configs of `deploy/proxies`, in the real programs, each before a server that says what reached it, and all
//! before one daemon.
//!
//! `cargo xtask test` fetches the programs, and names them in the environment.

#![expect(clippy::disallowed_methods, reason = "a test waits for processes, and reads its own switches")]

mod browsers;
mod forged;
mod front;
mod odd;
mod page;
#[path = "../daemon/tls/pki.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod pki;
mod program;
mod sizes;
mod table;
mod tls;
mod tunnels;
mod unchanged;
mod upload;
mod upstream;
mod waiting;
#[path = "../daemon/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod world;

use std::{fs, panic, thread};

use crossfade_testing_fleet::{VERIFIER_SHA256, process::Daemon};
use crossfade_testing_secretsmanager::{Fake, Server};

use front::Front;
use program::Proxy;
use world::{AUDIENCE, SECRET, World, until};

/// What the bot has.
const TOKEN: &str = "the-token-that-the-bot-has";

/// A daemon on Secrets Manager, as the strict fake plays it, and every proxy that is here before it.
struct Proxies {
    fronts: Vec<Front>,
    daemon: Daemon,
    store: Option<(Server, tokio::runtime::Runtime)>,
    world: World,
}

impl Proxies {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let store = runtime.block_on(Fake::start()).expect("a free port");
        store.person().create(SECRET, "00000000-0000-4000-8000-000000000001", TOKEN).expect("a secret");
        let secrets = format!("  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}}}\n");
        let world = World::on_aws(&store.endpoint(), "AKIDPROXIES", &secrets);
        let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
        let config = config.replace("role: verifier,", "role: verifier, token_headers: [mcp-access-token],");
        fs::write(world.path("config.yaml"), config).expect("a write");
        let daemon = world.start();
        let fronts = Proxy::ALL.into_iter().filter_map(|proxy| {
            let folder = world.path(&format!("{proxy:?}"));
            fs::create_dir(&folder).expect("a folder");
            Front::start(proxy, &folder, world.listen)
        });
        let fronts = fronts.collect();
        let proxies = Self { fronts, daemon, store: Some((store, runtime)), world };
        proxies.each(Front::is_up);
        proxies
    }

    /// All of them at once: what they wait for, they wait for together.
    fn each<T: Send>(&self, ask: impl Fn(&Front) -> T + Sync) -> Vec<T> {
        let ask = &ask;
        thread::scope(|scope| {
            let threads: Vec<_> = self.fronts.iter().map(|front| scope.spawn(move || ask(front))).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, T>| thread.join();
            threads
                .into_iter()
                .map(|thread| join(thread).unwrap_or_else(|why| panic::resume_unwind(why)))
                .collect()
        })
    }

    /// From then on the daemon can't know whom to refuse.
    fn lose_the_store(&mut self) {
        self.store = None;
    }

    /// From then on it does not know the proxies.
    fn forget_the_credential(&self) {
        let config = fs::read_to_string(self.world.path("config.yaml")).expect("a config");
        let another = "f".repeat(64);
        fs::write(self.world.path("config.yaml"), config.replace(VERIFIER_SHA256, &another))
            .expect("a write");
        self.daemon.signal("-HUP");
    }

    /// From then on it answers nothing; each of its threads has stopped, which takes a moment.
    fn hang(&self) {
        self.daemon.signal("-STOP");
        let threads = format!("/proc/{}/task", self.daemon.pid());
        until("it stands still", || {
            let threads = fs::read_dir(&threads).expect("a process").flatten();
            let mut threads =
                threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
            threads.all(|stat| stat.contains(") T ")).then_some(())
        });
    }
}
