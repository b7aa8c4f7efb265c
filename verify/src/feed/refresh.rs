//! Asking for a younger view while requests wait for it. What waits and what does not is the [`Gate`]'s to say.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use tokio::sync::{Notify, watch};

use super::{
    machine::{First, Machine, caught, fraction, race, within},
    views::{RequestOptions, Views},
};
use crate::{
    clock::Moment,
    gate::{Answer, Gate, LIMIT_MS, Need},
};

/// How long a request may wait for a younger view.
const LIMIT: Duration = Duration::from_millis(LIMIT_MS);

/// How long one replica is waited for before the next is asked too.
const NEXT_AFTER: Duration = Duration::from_millis(500);

/// How long one request may take. What comes after the refresh has failed is still a view.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The follower's task, as its verifier sees it. It ends soon after this is dropped.
pub(crate) struct Following {
    refresh: Arc<Refresh>,
    /// Nothing is sent: that it is gone is the message.
    _open: watch::Sender<()>,
}

impl Following {
    pub(super) fn new(refresh: Arc<Refresh>) -> (Self, watch::Receiver<()>) {
        let (open, closing) = watch::channel(());
        (Self { refresh, _open: open }, closing)
    }

    /// Where this request has to wait for a younger view, does that, for 2 s at most.
    pub(crate) async fn refreshed(&self, need: Need) {
        self.refresh.join(need).await;
    }

    /// Its clocks and timers.
    #[cfg(feature = "tower")]
    pub(crate) fn machine(&self) -> Arc<dyn Machine> {
        Arc::clone(&self.refresh.machine)
    }
}

/// One refresh for many requests.
pub(super) struct Refresh {
    machine: Arc<dyn Machine>,
    state: Mutex<State>,
    wake: Notify,
    /// The last one that has ended.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    gate: Gate,
    /// Which refresh is, or was, the last.
    round: u64,
    /// It is yet to begin, and was asked for then.
    wanted: Option<Moment>,
    /// There is nobody who would make one.
    gone: bool,
}

impl Refresh {
    pub(super) fn new(machine: Arc<dyn Machine>) -> Self {
        Self { machine, state: Mutex::default(), wake: Notify::new(), ended: watch::Sender::new(0) }
    }

    async fn join(&self, need: Need) {
        let mut ended = self.ended.subscribe();
        let (at, random) = (self.machine.moment(), fraction(&*self.machine));
        let round = {
            let mut state = self.state();
            if state.gone {
                return;
            }
            match state.gate.ask(need, at, random) {
                Answer::Decide => return,
                Answer::Join => {}
                Answer::Start => {
                    (state.round, state.wanted) = (state.round + 1, Some(at));
                    self.wake.notify_one();
                }
            }
            state.round
        };
        within(&*self.machine, LIMIT, ended.wait_for(|ended| *ended >= round)).await;
    }

    /// Waits until somebody wants one: which it is.
    async fn wanted(self: &Arc<Self>) -> Round {
        loop {
            {
                let mut state = self.state();
                if let Some(started) = state.wanted.take() {
                    let number = state.round;
                    return Round { refresh: Arc::clone(self), number, started, succeeded: false };
                }
            }
            self.wake.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refresh that runs. However it ends, those who wait are told.
struct Round {
    refresh: Arc<Refresh>,
    number: u64,
    started: Moment,
    succeeded: bool,
}

impl Drop for Round {
    fn drop(&mut self) {
        let Refresh { machine, ended, .. } = &*self.refresh;
        self.refresh.state().gate.end(self.started, self.succeeded, machine.moment());
        ended.send_modify(|ended| *ended = self.number.max(*ended));
    }
}

/// Makes the refreshes; nobody waits for one any more when this is gone.
pub(super) struct Refresher {
    views: Arc<Views>,
    refresh: Arc<Refresh>,
    /// What this refresh has asked, and is not answered yet.
    asked: Vec<Asked>,
    /// The same of those before. Their answers are views still, but they end nothing: they may have been given before a
    /// freeze.
    late: Vec<Asked>,
}

type Asked = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Refresher {
    pub(super) fn new(views: Arc<Views>, refresh: Arc<Refresh>) -> Self {
        Self { views, refresh, asked: Vec::new(), late: Vec::new() }
    }

    pub(super) async fn run(&mut self) {
        let refresh = Arc::clone(&self.refresh);
        let mut begun = None;
        loop {
            let mut round = match begun.take() {
                Some(round) => round,
                None => match race(self.answered(), refresh.wanted()).await {
                    First::This(_) => continue,
                    First::That(round) => round,
                },
            };
            self.late.append(&mut self.asked);
            match race(within(&*refresh.machine, LIMIT, self.ask_all()), refresh.wanted()).await {
                First::This(succeeded) => round.succeeded = succeeded.unwrap_or(false),
                // A freeze has overtaken this one.
                First::That(next) => begun = Some(next),
            }
        }
    }

    /// The replica that is followed, and the next one wherever one has failed or takes its time; whether an answer
    /// counted.
    async fn ask_all(&mut self) -> bool {
        let (first, replicas) = (self.views.followed(), self.views.daemon.replicas.len());
        let mut left = (first..first + replicas).map(|at| at % replicas);
        loop {
            let next = left.next();
            if let Some(at) = next {
                let asked = caught(ask(Arc::clone(&self.views), at));
                self.asked.push(Box::pin(async { asked.await.unwrap_or(false) }));
            }
            let pause = self.refresh.machine.sleep(NEXT_AFTER);
            match race(self.answered(), pause).await {
                First::This(true) => return true,
                First::This(false) if left.len() == 0 && self.asked.is_empty() => return false,
                _ => {}
            }
        }
    }

    /// The next answer to this refresh: whether it counts.
    async fn answered(&mut self) -> bool {
        loop {
            if let First::This(counts) = race(any(&mut self.asked), any(&mut self.late)).await {
                return counts;
            }
        }
    }
}

impl Drop for Refresher {
    fn drop(&mut self) {
        self.refresh.state().gone = true;
    }
}

/// One request, on a connection of its own; whether its answer counted.
async fn ask(views: Arc<Views>, at: usize) -> bool {
    let asked = async {
        let mut connection = views.daemon.connect(views.replica(at), CONNECT_LIMIT).await?;
        let options = RequestOptions { wait: false, no_cache: true, limit: ANSWER_LIMIT };
        // Its body too: what drips in holds memory, and those who wait are gone.
        views.daemon.within(ANSWER_LIMIT, views.ask(at, &mut connection, options)).await
    };
    match asked.await {
        Ok(_) => true,
        Err(error) => {
            views.failed(at, &error);
            false
        }
    }
}

/// Waits for the first of them to end, and takes it out.
async fn any<F: Future + Unpin>(all: &mut Vec<F>) -> F::Output {
    poll_fn(|context| {
        let ended = all.iter_mut().enumerate().find_map(|(at, one)| match Pin::new(one).poll(context) {
            Poll::Ready(made) => Some((at, made)),
            Poll::Pending => None,
        });
        match ended {
            Some((at, made)) => {
                drop(all.swap_remove(at));
                Poll::Ready(made)
            }
            None => Poll::Pending,
        }
    })
    .await
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").finish_non_exhaustive()
    }
}
