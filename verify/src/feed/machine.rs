//! The machine that a verifier runs on, as an argument.

use std::{
    future::{Future, poll_fn},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{oneshot, watch},
};

use crate::{
    clock::Moment,
    verifier::{Clock, SystemClock},
};

/// What a machine does in its own time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection's bytes.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Clocks, timers and randomness, a network, and threads.
pub trait Machine: Clock {
    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// For nonces and jitter: different each time, and no secret.
    fn random(&self) -> u64;

    /// Opens a connection, which TLS is spoken on where the URL asks for it. Another one than TCP's can lead over a
    /// proxy, a sidecar's socket, or a network that a test has made.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    /// Does work that takes long or waits for a disk, off the threads on which requests are served.
    fn offload(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        // Whoever waits for what it makes notices if it panics.
        Box::pin(async move { drop(tokio::task::spawn_blocking(work).await) })
    }
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Clock for ThisMachine {
    fn moment(&self) -> Moment {
        SystemClock.moment()
    }
}

impl Machine for ThisMachine {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> u64 {
        // Keyed by the operating system, and anew each time.
        RandomState::new().build_hasher().finish()
    }
}

/// Its clocks alone.
pub(super) fn clock(machine: &Arc<dyn Machine>) -> Arc<dyn Clock> {
    Arc::<dyn Machine>::clone(machine)
}

/// The host's name and the process id, as far as a name may hold them.
pub(super) fn process_name() -> String {
    let host = rustix::system::uname();
    let fit = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
    let host: String = host.nodename().to_string_lossy().chars().map(fit).take(48).collect();
    format!("{host}-{}", std::process::id())
}

/// What comes first.
pub(crate) enum First<A, B> {
    This(A),
    That(B),
}

/// Waits for either, and drops the other.
pub(crate) async fn race<A, B>(this: impl Future<Output = A>, that: impl Future<Output = B>) -> First<A, B> {
    let (mut this, mut that) = (pin!(this), pin!(that));
    poll_fn(|context| {
        if let Poll::Ready(done) = this.as_mut().poll(context) {
            return Poll::Ready(First::This(done));
        }
        that.as_mut().poll(context).map(First::That)
    })
    .await
}

/// What the work makes; none: it panicked, which has been told where panics are told.
///
/// The work is boxed: a future that is handed on by value takes twice its size at each hand.
pub(super) async fn caught<T>(work: impl Future<Output = T> + Send) -> Option<T> {
    let mut work: BoxFuture<'_, T> = Box::pin(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Ready(made)) => Poll::Ready(Some(made)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Waits for both.
pub(super) async fn both(this: impl Future<Output = ()>, that: impl Future<Output = ()>) {
    let (mut this, mut that) = (pin!(this), pin!(that));
    let mut done = [false; 2];
    poll_fn(|context| {
        done[0] = done[0] || this.as_mut().poll(context).is_ready();
        done[1] = done[1] || that.as_mut().poll(context).is_ready();
        if done == [true; 2] { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Waits until nobody has the verifier any more.
pub(super) async fn closed(mut closing: watch::Receiver<()>) {
    // Nothing is ever sent: an error is the message.
    while closing.changed().await.is_ok() {}
}

/// Waits for so long at most.
pub(crate) async fn within<T>(
    machine: &dyn Machine,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    match race(work, machine.sleep(limit)).await {
        First::This(done) => Some(done),
        First::That(()) => None,
    }
}

/// What the work makes, which is done elsewhere; none: it was not done to its end.
pub(super) async fn offloaded<T: Send + 'static>(
    machine: &dyn Machine,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (made, come) = oneshot::channel();
    machine.offload(Box::new(move || drop(made.send(work())))).await;
    come.await.ok()
}

/// From 0 to 1.
pub(super) fn fraction(machine: &dyn Machine) -> f64 {
    machine.random() as f64 / u64::MAX as f64
}

/// Somewhere between nothing and this.
pub(crate) fn jitter(machine: &dyn Machine, at_most: Duration) -> Duration {
    at_most.mul_f64(fraction(machine))
}
