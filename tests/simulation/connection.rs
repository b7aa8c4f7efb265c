//! One connection: bytes pass its link in order, until it ends in one way or another.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split},
    sync::watch,
};

use crate::{dice::Dice, host::Host, network::Link};

/// How a connection ends from outside.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Both hear of it.
    Reset,
    /// Who began it is never told: what it sends goes nowhere.
    HalfOpen,
}

/// Carries the bytes of both ends, the one that began it first.
pub(crate) async fn carry(
    [(one, from), (other, to)]: [(DuplexStream, Arc<Host>); 2],
    link: Arc<Link>,
    dice: Dice,
    mut ended: watch::Receiver<Option<Ending>>,
) {
    let (mut one_in, mut one_out) = split(one);
    let (mut other_in, mut other_out) = split(other);
    let back = dice.fork();
    let ending = tokio::select! {
        biased;
        ending = ended.wait_for(Option::is_some) => ending.map_or(None, |ending| *ending),
        () = async {
            tokio::join!(
                pump((&mut one_in, &from), (&mut other_out, &to), &link, &dice),
                pump((&mut other_in, &to), (&mut one_out, &from), &link, &back),
            );
        } => None,
    };
    if ending == Some(Ending::HalfOpen) {
        drop((other_in, other_out));
        let mut nowhere = [0; 1024];
        while one_in.read(&mut nowhere).await.is_ok_and(|read| read > 0) {}
    }
}

async fn pump(
    (from, sender): (&mut ReadHalf<DuplexStream>, &Host),
    (to, receiver): (&mut WriteHalf<DuplexStream>, &Host),
    link: &Link,
    dice: &Dice,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        sender.journal.tell(&sender.name, format_args!("{read} bytes to {}", receiver.name));
        sender.awake().await;
        link.pass(dice).await;
        receiver.awake().await;
        if read == 0 {
            // It may have gone already.
            drop(to.shutdown().await);
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
