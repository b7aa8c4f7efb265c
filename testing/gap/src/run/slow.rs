//! Secrets Manager as far away as it is: each answer comes later than the fake gives it.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub(super) struct Slow {
    pub(super) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Slow {
    pub(super) async fn to(target: SocketAddr, delay: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(async move { drop(pass(near, target, delay).await) });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, _tasks: tasks })
    }
}

async fn pass(near: TcpStream, target: SocketAddr, delay: Duration) -> Result<()> {
    let far = TcpStream::connect(target).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    tokio::select! {
        copied = tokio::io::copy(&mut from_near, &mut to_far) => drop(copied?),
        // An answer of the fake's is short, and comes in one piece.
        delayed = async {
            let mut bytes = vec![0; 64 * 1024];
            loop {
                let read = from_far.read(&mut bytes).await?;
                if read == 0 {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(delay).await;
                to_near.write_all(&bytes[..read]).await?;
            }
        } => delayed?,
    }
    Ok(())
}
