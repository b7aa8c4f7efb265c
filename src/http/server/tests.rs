use std::{
    future::{Ready, pending},
    io,
};

use axum::Router;
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
    task::{JoinSet, yield_now},
};

use super::*;
use crate::{
    clock::SystemClock,
    http::{
        capacity::Capacity,
        listener::{AtOnce, Opened},
    },
};

const NEWCOMERS: usize = 320;

/// All of them have come. Who is taken is told.
struct Queue {
    left: usize,
    taken: mpsc::UnboundedSender<()>,
}

impl Listener for Queue {
    type Io = DuplexStream;
    type Handshake = Ready<io::Result<Opened<DuplexStream>>>;
    type Opening = AtOnce<DuplexStream>;

    async fn accept(&mut self) -> io::Result<(Self::Opening, Peer)> {
        let Some(left) = self.left.checked_sub(1) else { return pending().await };
        self.left = left;
        self.taken.send(()).expect("it is counted");
        let (ours, _) = duplex(64);
        Ok((Opened::at_once(ours), Peer { name: "somebody".into(), uid: None }))
    }
}

#[tokio::test]
async fn newcomers_do_not_wait_for_a_turn_of_all_others_each() {
    let (taken, mut told) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let service = Service {
        routes: Routes::Router(Router::new()),
        places: Capacity::of(u64::MAX).listen,
        metrics: Arc::new(Metrics::new().expect("metrics")),
        clock: Arc::new(SystemClock),
        stop: stop.clone(),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(Queue { left: NEWCOMERS, taken }, service, None));
    let (mut turns, mut came) = (0, 0);
    while came < NEWCOMERS {
        yield_now().await;
        turns += 1;
        while told.try_recv().is_ok() {
            came += 1;
        }
    }
    assert!(turns <= NEWCOMERS / 4, "{NEWCOMERS} newcomers took {turns} turns");
    stop.cancel();
    tasks.join_all().await;
}
