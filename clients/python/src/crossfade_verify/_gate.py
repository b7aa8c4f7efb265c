"""Who waits for a younger view, who starts the refresh, and who decides at once (`pace.json` of the vectors).

It does no I/O and reads no clock; whoever uses it from several threads holds a lock.
"""

from collections.abc import Callable
from enum import Enum, auto

from ._clock import Moment

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


class Gate:
    """Many may need a refresh; one runs, and after one that failed only one request in a while waits.

    What failed before this process was frozen is forgotten: when it thaws, the wait is long over.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._runs = False
        self._ended: Moment | None = None
        self._failures = 0
        self._wait_ms = 0.0

    def ask(self, why: Why, at: Moment) -> Answer:
        """A request needs a younger view."""
        since_end_ms = None if self._ended is None else at.elapsed_since_ms(self._ended)
        if why is Why.OLD and self._failures and since_end_ms is not None:
            over_ms = since_end_ms - self._wait_ms
            if over_ms < 0:
                return Answer.DECIDE
            if over_ms < _FORGOTTEN_AFTER_MS:
                return Answer.DECIDE if self._runs else self._start()
            self._failures = 0
        if self._runs:
            return Answer.JOIN
        if since_end_ms is not None and since_end_ms < _COOL_DOWN_MS:
            return Answer.DECIDE
        return self._start()

    def end(self, succeeded: bool, at: Moment) -> None:
        """The refresh that runs has brought a view that counts, or has failed."""
        self._runs, self._ended = False, at
        self._failures = 0 if succeeded else self._failures + 1
        limit_ms = min(_LONGEST_WAIT_MS, _FIRST_WAIT_MS << min(max(self._failures - 1, 0), 10))
        self._wait_ms = limit_ms * (0.5 + self._random() / 2)

    def _start(self) -> Answer:
        self._runs = True
        return Answer.START
