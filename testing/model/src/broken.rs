//! Each rule, broken on purpose: what a replica, a verifier or a store would do without it.
//!
//! A break is made where the real code's decision, call or view passes through the model, never in the code itself:
//! that is `tests/mutations`.

/// Which rule does not hold.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Broken {
    /// A soak is shorter than freshness + store_lag.
    SoakBelowFreshness,
    /// A verifier refuses on a view of any age.
    RefusesWhileStale,
    /// The promotion comes first, and the deadline of what it replaces is another write.
    DeadlineAfterTheMove,
    /// A version is taken out of the way first, and marked last.
    EndWrittenLast,
    /// What time it is, the replica's own clock says.
    LocalClock,
    /// In a retirement the note comes off first, AWSPREVIOUS last.
    LabelOffLast,
    /// A note has grace and no margin, and is good for as long as it lasts.
    ShortNote,
    /// A late read makes a replica forget the marks that it saw.
    MarkForgotten,
    /// A pause counts only on the version that is current.
    PauseLost,
    /// A pending version is taken back without a deadline.
    DropWithoutNote,
    /// An order is about what the daemon that takes it saw last.
    BoundToTheLastView,
    /// An order to end everything is done where a read shows nothing that is open, however late that read can be.
    LateReadShowsAll,
    /// An emergency order stands in the daemon's memory alone.
    OrderInMemory,
    /// The answer to a write makes the replica's view younger.
    WriteMakesYounger,
    /// A version's id depends on the slot that it is made for.
    IdFromTheSlot,
    /// A verifier takes a view that is older than its own.
    TakesAnOlderView,
    /// An audience's view is as young as its youngest secret.
    YoungestPart,
    /// A read in which a value was missing is as good as any for a refusal.
    PartCountsAsWhole,
    /// A read in which a value was missing shows nothing.
    ValueHidesLabels,
    /// A verifier's only clock stops in suspend.
    ClockStops,
    /// A guard accepts by a view of any age, though it could ask for a younger one.
    AcceptsWhileOld,
}
