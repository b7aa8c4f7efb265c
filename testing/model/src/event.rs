//! What can happen.

use crate::{rules::Ticks, store::Fault};

/// What can go wrong.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Trouble {
    /// A daemon dies, before its write or after it.
    Crash,
    /// A write is not sent, or its answer is lost.
    Lost,
    /// A write lands late.
    LateWrite,
    /// A read shows what was so before.
    LateRead,
    /// A daemon does not reach the store for so long.
    CutOff(Ticks),
    /// A verifier reaches no daemon for so long.
    Alone(Ticks),
    /// A verifier's machine is suspended for so long.
    Nap(Ticks),
    /// A verifier asks another replica.
    Stray,
    /// The values that a replica does not know yet can't be read for so long.
    Unreadable(Ticks),
}

/// What a person can order.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum OrderKind {
    /// `rotate`
    Rotate,
    /// `rotate --compromised`
    Compromised,
    /// `revoke --all`
    RevokeAll,
    /// `revoke --previous`
    RevokePrevious,
    /// `revoke --version`, of the pending one
    RevokePending,
    /// `abort`
    Abort,
    /// `pause`
    Pause,
    /// `resume`
    Resume,
}

/// What a person can do to AWS's labels by hand.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Edit {
    /// AWSCURRENT goes back to what bears AWSPREVIOUS.
    RollBack,
    /// AWSCURRENT goes to what bears AWSPENDING.
    Promote,
    /// A value of one's own becomes current.
    Put,
    /// AWSPREVIOUS comes off.
    Unlabel,
}

/// One event.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A replica takes its turn with a secret.
    Turn {
        /// Which one.
        replica: usize,
        /// Which secret.
        secret: usize,
        /// What befalls its calls.
        fault: Option<Fault>,
        /// The older state that its read shows.
        shows: Option<usize>,
        /// It dies after that.
        dies: bool,
    },
    /// A verifier asks a replica.
    Fetch {
        /// Which one.
        verifier: usize,
        /// Whom it asks.
        replica: usize,
    },
    /// A write that was on its way lands.
    Lands(usize),
    /// A person gives an order.
    Orders {
        /// To which daemon.
        replica: usize,
        /// About which secret.
        secret: usize,
        /// What.
        asked: OrderKind,
    },
    /// A person edits labels.
    Edits(usize, Edit),
    /// A daemon does not reach the store with that secret.
    CutOff(usize, usize, Ticks),
    /// A daemon can't read that secret's values, only its labels.
    Unreadable(usize, usize, Ticks),
    /// A verifier reaches nobody.
    Alone(usize, Ticks),
    /// A verifier's machine is suspended.
    Nap(usize, Ticks),
    /// A tick goes by.
    Tick,
}
