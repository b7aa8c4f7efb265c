//! What one client takes: its connections, its requests, and those of them whose bodies have not come. Whoever holds its
//! credential may be a thief, who has to leave enough to the other clients.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::limits;

/// A client's share.
#[derive(Debug)]
pub struct Share {
    connections: AtomicUsize,
    requests: Semaphore,
    bodies: Semaphore,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            connections: AtomicUsize::new(0),
            requests: Semaphore::new(limits::REQUESTS / limits::SHARE),
            bodies: Semaphore::new(limits::BODIES),
        }
    }
}

impl Share {
    /// A place for a request, held until it is answered; none: the client has its share.
    pub(super) fn request(&self) -> Option<SemaphorePermit<'_>> {
        self.requests.try_acquire().ok()
    }

    /// A place for a request whose body is awaited.
    pub(super) fn body(&self) -> Option<SemaphorePermit<'_>> {
        self.bodies.try_acquire().ok()
    }
}

/// A connection's place among those of its client.
#[derive(Debug)]
pub(super) struct Among(Arc<Share>);

impl Among {
    /// None: that client has so many already.
    pub(super) fn enter(share: &Arc<Share>, most: usize) -> Option<Self> {
        // Taken before it is looked at, so that two who come at once see each other.
        let among = Self(Arc::clone(share));
        let before = share.connections.fetch_add(1, Ordering::Relaxed);
        (before < most).then_some(among)
    }

    pub(super) fn is_of(&self, share: &Arc<Share>) -> bool {
        Arc::ptr_eq(&self.0, share)
    }
}

impl Drop for Among {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_connections_and_another_one_when_one_of_them_ends() {
        let share = Arc::new(Share::default());
        let first = Among::enter(&share, 2).expect("a place");
        let _second = Among::enter(&share, 2).expect("a place");
        for _ in 0..3 {
            assert!(Among::enter(&share, 2).is_none());
        }
        drop(first);
        assert!(Among::enter(&share, 2).is_some());
    }

    #[test]
    fn a_client_can_take_no_more_than_its_share_of_requests_and_of_bodies() {
        let share = Share::default();
        let requests: Vec<_> = std::iter::from_fn(|| share.request()).collect();
        assert_eq!(requests.len(), limits::REQUESTS / 2);
        let bodies: Vec<_> = std::iter::from_fn(|| share.body()).collect();
        assert_eq!(bodies.len(), limits::BODIES);
        drop((requests, bodies));
        assert!(share.request().is_some() && share.body().is_some());
    }
}
