use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
    time::{advance, timeout},
};

use super::*;
use crate::http::listener::Peer;

fn wire(buffer: usize) -> (Wire<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
    let (ours, theirs) = duplex(buffer);
    let caller = Caller::from(Peer { name: "somebody".into(), uid: None });
    (Wire::new(ours, Arc::new(caller)), theirs)
}

/// A little before, and a little after, an answer has to be taken.
const SOON: Duration = limits::ANSWER_TIMEOUT.saturating_sub(Duration::from_millis(5));
const LATE: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_ends_in_an_error() {
    let (mut wire, _theirs) = wire(8);
    let error = timeout(SOON + LATE, wire.write_all(b"more than eight bytes")).await.expect("in time");
    assert_eq!(error.expect_err("it can't be written").kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_little_now_and_then_gets_no_more_time() {
    let (mut wire, mut theirs) = wire(8);
    let slow = async {
        loop {
            let _ = theirs.read_u8().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let answer = [0; 64];
    let wrote = async {
        for _ in 0..8 {
            wire.write_all(&answer[..8]).await?;
            wire.flush().await?;
        }
        io::Result::Ok(())
    };
    tokio::select! {
        wrote = wrote => assert_eq!(wrote.expect_err("it is cut off").kind(), io::ErrorKind::TimedOut),
        () = slow => {}
        () = tokio::time::sleep(SOON + LATE * 2) => panic!("it is not cut off"),
    }
}

#[tokio::test(start_paused = true)]
async fn time_in_which_nothing_waits_to_be_written_does_not_count() {
    let (mut wire, mut theirs) = wire(8);
    for _ in 0..3 {
        theirs.write_all(b"request").await.expect("it is sent");
        wire.read_exact(&mut [0; 7]).await.expect("it is read");
        // A long poll.
        advance(limits::ANSWER_TIMEOUT * 3).await;
        let (wrote, read) = tokio::join!(wire.write_all(&[0; 20]), async {
            tokio::time::sleep(SOON).await;
            theirs.read_exact(&mut [0; 20]).await
        });
        wrote.expect("it is taken in time");
        read.expect("it is read");
    }
}
