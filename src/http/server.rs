//! The accept loop: a cap on connections, and a bounded drain. What is done with each is in `http::connection`.

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    auth::Caller,
    background::BackgroundRuntime,
    capacity::Places,
    connection::{self, Connection},
    limits,
    listener::{Listener, Opened, Peer},
    routes::Routes,
    unauthenticated::{Admitted, UnauthenticatedPool},
};
use crate::{
    clock::Clock,
    metrics::{Metrics, Rejection},
    quiet::Quiet,
};

/// How often a newcomer looks for a place.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// So many newcomers are taken before others have their turn.
const AT_ONCE: usize = 16;

/// What a listener's connections need.
#[derive(Clone, Debug)]
pub struct Service {
    /// What is answered.
    pub routes: Routes,
    /// How many there may be.
    pub places: Places,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
    /// Ends it.
    pub stop: CancellationToken,
}

/// Serves until cancelled, then lets requests in flight end, for a while. Those that wait for news are served by the
/// background runtime, where there is one.
pub async fn serve<L: Listener>(mut listener: L, service: Service, background: Option<BackgroundRuntime>) {
    let Service { routes, places, metrics, clock, stop } = service;
    let admission = Admission::new(places);
    let share = (places.connections / limits::SHARE).max(1);
    let quiet = Quiet::new(1, limits::LINES_EVERY);
    let tasks = TaskTracker::new();
    let http = connection::http();
    let mut came = 0_usize;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (opening, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of files, say, by others' doing: our own connections leave some. It passes, and a tight loop would
                // not help. The other listeners have loops of their own.
                if let Some(left_out) = quiet.may_write(clock.moment().boot_ms) {
                    tracing::warn!("a connection could not be accepted: {error}{left_out}");
                }
                clock.sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let entered = tokio::select! {
            () = stop.cancelled() => break,
            entered = admission.enter(&peer, &*clock, &metrics) => entered,
        };
        let Some((place, Admitted { unauthenticated, eviction, .. })) = entered else { continue };
        let connection = Connection {
            http: http.clone(),
            routes: routes.clone(),
            caller: Caller { unauthenticated, share, ..Caller::from(peer) },
            eviction,
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
            _place: place,
        };
        start(connection, opening, &tasks, background.as_ref());
        // Where thousands come at once, verdicts have their turn between a few of them. Not after each one: where a turn of
        // all others takes long, whoever comes would wait for as many turns as newcomers are before it.
        came += 1;
        if came.is_multiple_of(AT_ONCE) {
            tokio::task::yield_now().await;
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits::DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not end within {:?}, and were cut off", limits::DRAIN);
    }
}

/// Serves a connection: here, or in the background until it asks for something that does not wait.
fn start<Io, Handshake>(
    mut connection: Connection,
    opening: impl Future<Output = io::Result<Handshake>> + Send + 'static,
    tasks: &TaskTracker,
    background: Option<&BackgroundRuntime>,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    Handshake: Future<Output = io::Result<Opened<Io>>> + Send + 'static,
{
    let Some(background) = background else {
        tasks.spawn(async move {
            if let Some(opened) = connection.open(opening).await {
                connection.serve(opened).await;
            }
        });
        return;
    };
    let (home, handed_over) = (Handle::current(), tasks.clone());
    let begun = async move {
        let Some(opened) = connection.open(opening).await else { return };
        if let Some(rest) = connection.serve_while_held(opened).await {
            handed_over.spawn_on(rest, &home);
        }
    };
    tasks.spawn_on(begun, background.handle());
}

/// Decides who gets in.
struct Admission {
    connections: Arc<Semaphore>,
    unauthenticated: Arc<UnauthenticatedPool>,
}

impl Admission {
    fn new(places: Places) -> Self {
        let Places { connections, unauthenticated, patience } = places;
        Self {
            connections: Arc::new(Semaphore::new(connections)),
            unauthenticated: Arc::new(UnauthenticatedPool::new(unauthenticated, patience)),
        }
    }

    /// A place for a newcomer, maybe another's, who is counted; none: it is turned away, and counted itself. Until there is
    /// one, those behind it wait in the system's queue. Clients are never evicted. On the admin socket our own user and
    /// root need no credential.
    async fn enter(
        &self,
        peer: &Peer,
        clock: &dyn Clock,
        metrics: &Metrics,
    ) -> Option<(OwnedSemaphorePermit, Admitted)> {
        let came_ms = clock.moment().boot_ms;
        let (place, admitted) = loop {
            let place = Arc::clone(&self.connections).try_acquire_owned().ok();
            if peer.is_ours() {
                let admitted = place.is_some().then(Admitted::known);
                break (place, admitted);
            }
            let now_ms = clock.moment().boot_ms;
            let admitted = self.unauthenticated.admit(place.is_none(), now_ms);
            let has_waited = Duration::from_millis(now_ms.saturating_sub(came_ms)) > limits::PATIENCE;
            if admitted.is_some() || has_waited || self.unauthenticated.are_none() {
                break (place, admitted);
            }
            clock.sleep(LOOK_AGAIN).await;
        };
        if admitted.as_ref().is_none_or(|admitted| admitted.in_place_of_another) {
            metrics.rejected(Rejection::Connections);
        }
        let admitted = admitted?;
        let place = match place {
            Some(place) => place,
            // Whoever was evicted gives it back when its file is closed, which is at once.
            None => Arc::clone(&self.connections).acquire_owned().await.ok()?,
        };
        Some((place, admitted))
    }
}

#[cfg(test)]
mod tests;
