"""Who waits for a younger view, who starts the refresh, and who decides at once (`pace.json` of the vectors).

It does no I/O and reads no clock; whoever uses it from several threads holds a lock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from ._clock import Moment

REFRESH_MS = 2_000
"""How long a refresh may take."""

_FROZEN_MS = 3_000
"""One that runs still so long after its start was overtaken by a freeze, and not by a timer that is a little late."""
_COOL_DOWN_MS = 1_000
_FIRST_WAIT_MS, _LONGEST_WAIT_MS = 1_000, 60_000
_FORGOTTEN_AFTER_MS = 2_000


class Why(Enum):
    """Why a request needs a younger view."""

    UNSURE = "unsure"
    """What there is does not tell whether its token is accepted."""
    OLD = "old"
    """Its token would be accepted, but on a view that is not young."""


class Answer(Enum):
    """What such a request does."""

    START = auto()
    """Start a refresh, and wait for its end."""
    JOIN = auto()
    """Wait for the end of the one that runs."""
    DECIDE = auto()
    """Decide now, with what there is."""


@dataclass(frozen=True)
class _Failure:
    at: Moment
    times: int
    """In a row."""
    wait_ms: float


class Gate:
    """Many may need a refresh; one runs, and after one that failed only one request in a while waits.

    What failed before this process was frozen is forgotten: when it thaws, the wait is long over. A refresh is told
    from another by the moment at which it was started.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._started: Moment | None = None
        self._ended: Moment | None = None
        self._failed: _Failure | None = None

    def ask(self, why: Why, at: Moment) -> Answer:
        """A request needs a younger view. Whoever starts a refresh tells its end, whatever came of it."""
        self._give_up(at)
        if why is Why.OLD and self._failed is not None:
            over_ms = at.elapsed_since_ms(self._failed.at) - self._failed.wait_ms
            if over_ms < 0:
                return Answer.DECIDE
            if over_ms < _FORGOTTEN_AFTER_MS:
                return self._start(at) if self._started is None else Answer.DECIDE
            self._failed = None
        if self._started is not None:
            return Answer.JOIN
        if self._ended is not None and at.elapsed_since_ms(self._ended) < _COOL_DOWN_MS:
            return Answer.DECIDE
        return self._start(at)

    def end(self, started: Moment, succeeded: bool, at: Moment) -> None:
        """The refresh that was started then has brought a view that counts, or has failed. One that comes late is
        over already, and ends no other.
        """
        self._give_up(at)
        if self._started == started:
            self._over(succeeded, at)

    def _start(self, at: Moment) -> Answer:
        self._started = at
        return Answer.START

    def _over(self, forgets: bool, at: Moment) -> None:
        self._started, self._ended = None, at
        before = 0 if self._failed is None else self._failed.times
        limit_ms = min(_LONGEST_WAIT_MS, _FIRST_WAIT_MS << min(before, 10))
        wait_ms = limit_ms * (0.5 + self._random() / 2)
        self._failed = None if forgets else _Failure(at, before + 1, wait_ms)

    def _give_up(self, at: Moment) -> None:
        """One that should have ended, and has not, has failed when its time was over. After a freeze that says nothing,
        nor does what failed before.
        """
        started = self._started
        since_ms = 0 if started is None else at.elapsed_since_ms(started)
        if started is not None and since_ms > REFRESH_MS:
            over = Moment(started.boot_ms + REFRESH_MS, started.wall_ms + REFRESH_MS)
            self._over(since_ms > _FROZEN_MS, over)
