//! The limits of everything that comes from outside: what each bounds, and who is refused when it is full.

use std::time::Duration;

/// A request's head; over it: 431.
pub const HEADER_BYTES: usize = 8 * 1024;
/// A request's body; over it: 413.
pub const BODY_BYTES: usize = 16 * 1024;
/// For a request's head to arrive, from the end of the answer before it; and for a TLS handshake. Over it, the connection
/// is closed.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// For a request to be answered, its body included; over it: 408.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// For an answer to be taken, from when its reader falls behind; over it, the connection is closed.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// For an order of a person to be carried out.
pub const ORDER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a verdict may wait for a younger view. Then it is given on the view that there is: a token that this view
/// accepts is accepted, of any other it is not known (503).
pub const REFRESH_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections on `listen`. When all are taken by clients, newcomers are closed.
pub const CONNECTIONS: usize = 8_192;
/// Connections on a listener that have not shown a credential yet. When all are taken, the one goes that has been silent
/// for longest. (Of fewer connections, a quarter.)
pub const UNAUTHENTICATED: usize = 1_024;
/// An unauthenticated connection's first time on `listen`, in which it does not go. (Of fewer places, a millisecond for
/// each: so a thousand newcomers a second get in.) A newcomer waits as long for another one's place; then it is closed.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// How long a TLS handshake that has begun counts as work of ours, and not as its silence.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(3);
/// What is read of a TLS handshake, a client's chain of certificates included; over it, the connection is closed. At most
/// as much is kept for each unauthenticated connection.
pub const HANDSHAKE_BYTES: usize = 16 * 1024;
/// Connections on the admin socket: those of the daemon's own user, and of root. Newcomers are closed.
pub const ADMIN_CONNECTIONS: usize = 256;
/// Files that connections leave to everything else: AWS (64 reads at once), the store, logs, the runtime.
pub const OTHER_FILES: usize = 192;
/// Verdicts and tokens in the making, at once; over it: 503.
pub const REQUESTS: usize = 4_096;
/// One client's part of the requests, and of the connections on `listen`: another one always finds a place. Over it,
/// that client alone gets 503. More is nobody's need: it may hold open no more than [`POLLS`].
pub const SHARE: usize = 2;
/// One client's requests whose bodies have not come yet; over it: 503. At 16 KiB each, that is 4 MiB.
pub const BODIES: usize = 256;
/// Requests for accept sets that one client may hold open; over it: 503.
pub const POLLS: usize = 2_048;
/// Scrapes of `/metrics` that are being written; over it: 503.
pub const SCRAPES: usize = 16;
/// Of a report, what one line may count.
pub const REPORTED: u64 = u32::MAX as u64;
/// Hand-outs of tokens in the making, until their entries in the audit log are on the disk, also where their connections
/// are gone by then. They wait for the store one by one, behind steps and reads; over it: 503.
pub const HAND_OUTS: usize = 1_024;
/// Of those, one client's; over it: 503.
pub const HAND_OUTS_OF_A_CLIENT: usize = 512;
/// For a hand-out's entry to be on the disk, or lost and loudly so; over it: 503, and no token.
pub const WRITTEN: Duration = Duration::from_secs(2);
/// Of a client's refusals within a second, so many are written into the audit log each; the others as a number.
pub const REFUSALS_WRITTEN: u32 = 5;
/// Log lines of one kind that requests or connections may cause in [`LINES_EVERY`]; the others are counted, and the next
/// line says how many they were.
pub const LINES: u32 = 5;
/// The time in which so many lines are written.
pub const LINES_EVERY: Duration = Duration::from_secs(60);
/// For connections to end at shutdown.
pub const DRAIN: Duration = Duration::from_secs(5);
/// For everything to end at shutdown, a call of the store's included: less than any service manager waits by default
/// before it kills (Docker: 10 s).
pub const STOP: Duration = Duration::from_secs(8);
