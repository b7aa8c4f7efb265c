"""The one decision on a presented token."""

from dataclasses import dataclass, field
from enum import StrEnum

from ._accept_set import AcceptSet
from ._clock import MAX_PARTED_MS, Moment
from ._grant import Accepted
from ._token import digest_of, is_malformed

_SPREAD_MS = 1_000


class Reason(StrEnum):
    """Why a token is refused. For metrics and logs: the caller is told none of it."""

    MALFORMED = "malformed"
    """It can't be a token."""
    UNKNOWN = "unknown"
    """No entry has its digest."""
    EXPIRED = "expired"
    """Its deadline has passed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Answer 401."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Unsure:
    """Refresh the view and decide again; if that can't be done, answer 503, never 401."""


Verdict = Accepted | Refused | Unsure

_UNSURE = Unsure()
_MALFORMED, _UNKNOWN, _EXPIRED = Refused(Reason.MALFORMED), Refused(Reason.UNKNOWN), Refused(Reason.EXPIRED)


@dataclass(frozen=True, slots=True)
class View:
    """An accept set and its place in time, on the caller's clocks."""

    set: AcceptSet
    now_ms: int
    """The store's time at `taken`."""
    age_ms: int
    """How long ago, at `taken`, the store had been read."""
    taken: Moment
    complete: bool = True
    """False: what is unknown here may well be right, so nothing is refused."""
    max_hold_ms: int | None = None
    """A bound of our own, where it is shorter than the set's."""
    hold_ms: int = field(init=False)
    """A view that accepts may be as old as this: the set's `hold`, or `max_hold_ms` where that is shorter."""
    accept_within_ms: int = field(init=False)
    """A view is young up to this."""
    freshness_ms: int = field(init=False)
    """A view that refuses is younger than this: the set's."""

    def __post_init__(self) -> None:
        hold_ms = self.set.hold_ms if self.max_hold_ms is None else min(self.set.hold_ms, self.max_hold_ms)
        within_ms = self.set.freshness_ms if self.set.accept_within_ms is None else self.set.accept_within_ms
        object.__setattr__(self, "freshness_ms", self.set.freshness_ms)
        object.__setattr__(self, "hold_ms", hold_ms)
        object.__setattr__(self, "accept_within_ms", min(within_ms, hold_ms))

    def age_at_ms(self, at: Moment) -> int:
        """How long ago the store was read."""
        return self.age_ms + at.elapsed_since_ms(self.taken)

    def place_ms(self) -> int:
        """Its place in the store's time: when the store was read."""
        return self.now_ms - self.age_ms

    def is_fresh(self, at: Moment) -> bool:
        """Whether a refusal may rest on it."""
        return self.complete and not at.parted_since(self.taken) and self.age_at_ms(at) < self.freshness_ms

    def is_young(self, at: Moment, spread: float = 0.0) -> bool:
        """Whether it may be accepted on without asking the daemon first, by whoever could wait for that.

        `spread`, between 0 and 1, is each verifier's own: by up to a second, so that not all of them ask at once.
        """
        left_ms = self.accept_within_ms - self.age_at_ms(at)
        return left_ms > _SPREAD_MS or left_ms > spread * min(_SPREAD_MS, self.freshness_ms / 8)


def decide(view: View | None, presented: bytes, at: Moment) -> Verdict:
    """Decide on a presented token. It reads no clock and does no I/O.

    - What is malformed is refused, whatever is known.
    - Without a view, and from one older than `hold`, nothing follows: unsure.
    - A token whose entry has no deadline, or one that lies ahead, is accepted.
    - One past its deadline, and one that is unknown, is refused if the view is fresh. Else: unsure.

    A view is fresh if it is complete, the two clocks agree on how old it is, and it is younger than
    `freshness`. The age is counted on the clock that says more; so is the store's time, by which a deadline is
    judged.
    """
    if is_malformed(presented):
        return _MALFORMED
    if view is None:
        return _UNSURE
    # As `elapsed_since_ms` and `parted_since`, without their calls: this is the way of each request.
    (boot_ms, wall_ms), (taken_boot_ms, taken_wall_ms) = at, view.taken
    boot_ms -= taken_boot_ms
    wall_ms -= taken_wall_ms
    elapsed_ms = boot_ms if boot_ms > wall_ms else wall_ms
    if elapsed_ms < 0:
        elapsed_ms = 0
    age_ms = view.age_ms + elapsed_ms
    if age_ms > view.hold_ms:
        return _UNSURE
    digest = digest_of(presented)
    known = view.set.known.get(digest)
    if known is not None:
        if isinstance(known, Accepted):
            return known
        if known.not_after_ms is None:
            # Were it replaced this moment, it would have its whole grace: nothing but an ending can undercut that.
            accepted = view.set.known[digest] = Accepted(known.grant(known.grace_ms))
            return accepted
        left_ms = known.not_after_ms - (view.now_ms + elapsed_ms)
        if left_ms > 0:
            return Accepted(known.grant(left_ms))
    if age_ms >= view.freshness_ms or not view.complete or abs(boot_ms - wall_ms) > MAX_PARTED_MS:
        return _UNSURE
    return _UNKNOWN if known is None else _EXPIRED
