//! The layer and the feed together: who is unsure asks once, and only then answers.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use crossfade_verify::{Grant, Verifier, tower::RequireToken};
use hyper::{Request, Response};
use tower_layer::Layer as _;
use tower_service::Service;

use crate::{
    machine::TestMachine,
    server::{AUDIENCE, Asked, NEW, Reply, STRANGE, Server, TOKEN, feed, good, until, version},
};

/// Says which version called.
#[derive(Clone)]
struct Handler;

impl Service<Request<String>> for Handler {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let grant = request.extensions().get::<Grant>().expect("a grant");
        assert!(request.headers().is_empty(), "the credential is gone");
        ready(Ok(Response::new(version(grant).to_owned())))
    }
}

async fn status(layer: &RequireToken, token: &str) -> u16 {
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    let request = request.body(String::new()).expect("a request");
    layer.layer(Handler).call(request).await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_new_token_is_let_in_after_one_look_and_a_strange_one_refused_and_503_is_for_when_nobody_answers() {
    let server = Server::start(good(&[TOKEN])).await;
    let machine = Arc::new(TestMachine::default());
    let verifier =
        Verifier::connect(feed(&server.url).0.machine(machine.clone()), AUDIENCE).await.expect("settings");
    let layer = RequireToken::new(verifier.clone());
    until("a held request", || server.asked().iter().any(Asked::is_held)).await;

    machine.pass(60_000);
    server.now(good(&[TOKEN, NEW]));
    assert_eq!(status(&layer, NEW).await, 200, "by a younger view");
    assert_eq!(status(&layer, STRANGE).await, 401);

    server.now(|_| Reply::Drop);
    machine.pass(60_000);
    assert_eq!(status(&layer, STRANGE).await, 503);
    assert_eq!(status(&layer, NEW).await, 200, "what is known is let in");
    let counts = verifier.counts();
    let count = |of| counts.iter().find(|(verdict, _)| *verdict == of).map(|(_, count)| *count);
    assert_eq!(
        (count("accepted"), count("unknown"), count("unsure")),
        (Some(2), Some(1), Some(1)),
        "each once"
    );
}

#[tokio::test]
async fn a_token_that_was_ended_unseen_is_refused_and_with_the_daemon_down_it_goes_on() {
    let server = Server::start(good(&[TOKEN])).await;
    let machine = Arc::new(TestMachine::default());
    let verifier =
        Verifier::connect(feed(&server.url).0.machine(machine.clone()), AUDIENCE).await.expect("settings");
    let layer = RequireToken::new(verifier);
    until("a held request", || server.asked().iter().any(Asked::is_held)).await;
    server.now(|_| Reply::Drop);
    machine.pass(60_000);
    assert_eq!(status(&layer, TOKEN).await, 200, "by hold");
    server.now(good(&[NEW]));
    machine.pass(10_000);
    assert_eq!(status(&layer, TOKEN).await, 401);
}

/// What a time-out layer does.
#[tokio::test]
async fn a_request_that_is_over_while_it_waits_reaches_no_handler_and_harms_no_other() {
    let server = Server::start(good(&[TOKEN])).await;
    let machine = Arc::new(TestMachine::default());
    let verifier =
        Verifier::connect(feed(&server.url).0.machine(machine.clone()), AUDIENCE).await.expect("settings");
    let layer = RequireToken::new(verifier.clone());
    until("a held request", || server.asked().iter().any(Asked::is_held)).await;
    machine.pass(60_000);
    server.now(|_| Reply::Silence);
    for token in [TOKEN, NEW, STRANGE] {
        let answer = tokio::time::timeout(std::time::Duration::from_millis(20), status(&layer, token)).await;
        assert!(answer.is_err(), "it waits");
    }
    assert!(verifier.counts().iter().all(|(_, count)| *count == 0), "{:?}", verifier.counts());
    server.now(good(&[TOKEN, NEW]));
    machine.pass(10_000);
    assert_eq!(status(&layer, NEW).await, 200);
}
