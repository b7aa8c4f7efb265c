use std::sync::Mutex;

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncWriteExt as _, duplex},
    sync::Semaphore,
    task::JoinSet,
};

use super::*;
use crate::http::{listener::Peer, unauthenticated::Admitted};

const REQUESTS: usize = 10;

#[tokio::test]
async fn connections_whose_requests_are_all_there_are_answered_in_turns() {
    let order = Arc::new(Mutex::new(String::new()));
    let answered = |who: char| {
        let order = Arc::clone(&order);
        get(async move || order.lock().expect("no panic").push(who))
    };
    let router = Router::new().route("/a", answered('a')).route("/b", answered('b'));
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let (mut served, mut callers) = (JoinSet::new(), Vec::new());
    for path in ["/a", "/b"] {
        let (ours, mut theirs) = duplex(64 * 1024);
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        theirs.write_all(request.repeat(REQUESTS).as_bytes()).await.expect("a write");
        let Admitted { unauthenticated, eviction, .. } = Admitted::known();
        let peer = Peer { name: path.into(), uid: None };
        let connection = Connection {
            http: http(),
            routes: Routes::Router(router.clone()),
            caller: Caller { unauthenticated, share: 1, ..Caller::from(peer) },
            eviction,
            metrics: Arc::clone(&metrics),
            stop: CancellationToken::new(),
            _place: Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a place"),
        };
        let opened = Opened { io: ours, certificate: None, over: None };
        served.spawn(connection.serve(opened));
        callers.push(theirs);
    }
    let mut order_is = String::new();
    while order_is.len() < 2 * REQUESTS {
        tokio::task::yield_now().await;
        order_is.clone_from(&order.lock().expect("no panic"));
    }
    drop(callers);
    served.join_all().await;
    let (mut lead, mut most) = (0_i32, 0);
    for who in order_is.chars() {
        lead += if who == 'a' { 1 } else { -1 };
        most = most.max(lead.abs());
    }
    assert!(most <= 2, "one of them waited: {order_is}");
}
