//! How many connections each listener takes. Each holds a file, and the system lets a process have so many. An
//! unauthenticated peer that took the last one would keep the store from being read and orders from being taken, so all
//! that connections can take is divided before the first comes, and something is left.

use std::time::Duration;

use super::limits::{ADMIN_CONNECTIONS, CONNECTIONS, OTHER_FILES, PATIENCE, UNAUTHENTICATED};

/// A listener's places.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Places {
    /// For all.
    pub connections: usize,
    /// Of these, for such as have not shown a credential.
    pub unauthenticated: usize,
    /// How long one of these keeps its place in any case.
    pub patience: Duration,
}

/// The places of all listeners.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// Of `listen`.
    pub listen: Places,
    /// Of `metrics_listen`, where nobody shows a credential.
    pub metrics: Places,
    /// Of the admin socket.
    pub admin: Places,
}

impl Places {
    /// Where clients come, too.
    fn with_clients(connections: usize) -> Self {
        let unauthenticated = UNAUTHENTICATED.min(connections / 4).max(1);
        let patience = PATIENCE.min(Duration::from_millis(unauthenticated as u64));
        Self { connections, unauthenticated, patience }
    }
}

impl Capacity {
    /// With so many files. Where they are few, the admin socket and `metrics_listen` have an eighth each of what
    /// connections can have.
    pub fn of(files: u64) -> Self {
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let left = files.saturating_sub(OTHER_FILES);
        let eighth = (left / 8).max(1);
        let (admin, metrics) = (ADMIN_CONNECTIONS.min(eighth), UNAUTHENTICATED.min(eighth));
        let listen = CONNECTIONS.min(left.saturating_sub(admin + metrics)).max(1);
        Self {
            listen: Places::with_clients(listen),
            // What is asked there is short, so that nobody needs time.
            metrics: Places { connections: metrics, unauthenticated: metrics, patience: Duration::ZERO },
            admin: Places::with_clients(admin),
        }
    }

    /// Whether files are no limit.
    pub fn is_whole(&self) -> bool {
        *self == Self::of(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_all_files_but_those_that_are_left_to_everything_else() {
        for (files, listen, unauthenticated, metrics, admin) in [
            (u64::MAX, 8_192, 1_024, 1_024, 256),
            (16_384, 8_192, 1_024, 1_024, 256),
            (1_024, 624, 156, 104, 104),
            (512, 240, 60, 40, 40),
            (0, 1, 1, 1, 1),
        ] {
            let capacity = Capacity::of(files);
            let Capacity { listen: of_listen, metrics: of_metrics, admin: of_admin } = capacity;
            assert_eq!(
                (of_listen.connections, of_listen.unauthenticated),
                (listen, unauthenticated),
                "{files}"
            );
            assert_eq!(of_listen.patience.as_millis(), unauthenticated.min(1_000) as u128, "{files}");
            assert_eq!((of_metrics.connections, of_admin.connections), (metrics, admin), "{files}");
            assert_eq!(capacity.is_whole(), files >= 9_664, "{files}");
        }
    }

    #[test]
    fn no_number_of_files_is_exceeded() {
        for files in 256..12_000 {
            let Capacity { listen, metrics, admin } = Capacity::of(files);
            let taken = listen.connections + metrics.connections + admin.connections;
            assert!(taken + OTHER_FILES <= files as usize, "{files}");
            assert_eq!(Capacity::of(files).is_whole(), files as usize >= 9_664, "{files}");
        }
    }
}
