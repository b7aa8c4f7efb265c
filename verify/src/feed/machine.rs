//! The machine that a verifier runs on, as an argument.

use std::{
    future::{Future, poll_fn},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use crate::{
    clock::Moment,
    verifier::{Clock, SystemClock},
};

/// Clocks, timers and randomness.
pub trait Machine: Clock {
    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// For nonces and jitter: different each time, and no secret.
    fn random(&self) -> u64;
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Clock for ThisMachine {
    fn moment(&self) -> Moment {
        SystemClock.moment()
    }

    fn verdict_moment(&self) -> Moment {
        SystemClock.verdict_moment()
    }
}

impl Machine for ThisMachine {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
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

/// Somewhere between nothing and this.
pub(crate) fn jitter(machine: &dyn Machine, at_most: Duration) -> Duration {
    at_most.mul_f64(machine.random() as f64 / u64::MAX as f64)
}
