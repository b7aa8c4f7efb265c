"""The one decision on a presented token."""

from dataclasses import dataclass
from enum import StrEnum

from ._accept_set import AcceptSet, Entry, Stage
from ._clock import Moment
from ._token import Shape, digest_of, shape


@dataclass(frozen=True, slots=True)
class Grant:
    """What an accepted token stands for. It holds no token."""

    client_id: str
    """The bot's lasting name; it does not change when the token does."""
    secret: str
    version: str
    stage: Stage
    scopes: tuple[str, ...]
    audience: str
    expires_at: int
    """Until when this acceptance may be relied on: unix seconds on this machine's clock, rounded down."""
    expires_ms: int
    """The same in milliseconds on the store's clock."""


class Reason(StrEnum):
    """Why a request is refused. For metrics and logs: the caller is told none of it."""

    MALFORMED = "malformed"
    """It can't be a token."""
    UNKNOWN = "unknown"
    """No entry has its digest."""
    EXPIRED = "expired"
    """Its deadline has passed."""
    MISSING = "missing"
    """The request has none."""
    WRONG_SCHEME = "wrong_scheme"
    """`Authorization` is not `Bearer` and one token."""
    CONFLICT = "conflict"
    """Two that differ, or two `Authorization` headers."""
    INSUFFICIENT_SCOPE = "insufficient_scope"
    """The token is good, and not for this."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Let it in."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class Refused:
    """Answer 401."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Unsure:
    """Refresh the view and decide again; if that can't be done, answer 503, never 401."""


Verdict = Accepted | Refused | Unsure


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

    def age_at_ms(self, at: Moment) -> int:
        """How long ago the store was read."""
        return self.age_ms + at.elapsed_since_ms(self.taken)

    def now_at_ms(self, at: Moment) -> int:
        """The store's time."""
        return self.now_ms + at.elapsed_since_ms(self.taken)

    def place_ms(self) -> int:
        """Its place in the store's time: when the store was read."""
        return self.now_ms - self.age_ms

    def is_fresh(self, at: Moment) -> bool:
        """Whether a refusal may rest on it."""
        return self.complete and not at.parted_since(self.taken) and self.age_at_ms(at) < self.set.freshness_ms

    def is_past_hold(self, at: Moment) -> bool:
        """Whether it is too old to accept anything."""
        hold_ms = self.set.hold_ms if self.max_hold_ms is None else min(self.set.hold_ms, self.max_hold_ms)
        return self.age_at_ms(at) > hold_ms


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
    if shape(presented) is Shape.MALFORMED:
        return Refused(Reason.MALFORMED)
    if view is None or view.is_past_hold(at):
        return Unsure()
    entry = view.set.find(digest_of(presented))
    now_ms = view.now_at_ms(at)
    if entry is not None and (entry.not_after_ms is None or now_ms < entry.not_after_ms):
        return Accepted(_grant(view.set, entry, now_ms, at))
    if not view.is_fresh(at):
        return Unsure()
    return Refused(Reason.UNKNOWN if entry is None else Reason.EXPIRED)


def _grant(accept_set: AcceptSet, entry: Entry, now_ms: int, at: Moment) -> Grant:
    # Were it replaced this moment, it would have its whole grace: nothing but an ending can undercut that.
    expires_ms = now_ms + entry.grace_ms if entry.not_after_ms is None else entry.not_after_ms
    return Grant(
        client_id=entry.client_id,
        secret=entry.secret,
        version=entry.version,
        stage=entry.stage,
        scopes=entry.scopes,
        audience=accept_set.audience,
        # As a remainder: the store's clock is never compared with this machine's.
        expires_at=(at.wall_ms + expires_ms - now_ms) // 1000,
        expires_ms=expires_ms,
    )
