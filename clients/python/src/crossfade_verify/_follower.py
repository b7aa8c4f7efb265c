"""Follows the feed, in one background thread: asks, and holds the next question open."""

import itertools
import random
import threading
from collections.abc import Callable

from ._accept_set import SetError
from ._events import Events, Kind
from ._exchange import Outcome, Question, Refusal, ask, explain, longest_wait_s
from ._feed import Feed, Replica
from ._timing import Dropped
from ._transport import Connection, TransportError
from ._views import Views

ANSWER_S = 5.0
"""How long an answer may take that is not held."""

_LONGEST_WAIT_MS, _FIRST_WAIT_MS = 10_000, 500
_AFTER_OLDER_S = 1.0
_QUICK_S = 0.1

FAULTS = (TransportError, Refusal, SetError, Dropped)
"""What can be wrong with an answer. The last good set stays, within its bounds."""


def retry_ms(failures_before: int, freshness_ms: int | None, random: float) -> float:
    """How long to wait after a failure, with full jitter: of many that lost a daemon, no two come back together."""
    bounds = [_LONGEST_WAIT_MS, _FIRST_WAIT_MS << min(failures_before, 10)]
    return random * min(bounds if freshness_ms is None else [*bounds, freshness_ms / 2])


class Follower:
    """The thread. It owns its connection; the views are shared with others."""

    def __init__(
        self, feed: Feed, question: Question, views: Views, events: Events, applied: Callable[[Outcome], None]
    ) -> None:
        self._question, self._views, self._events, self._applied = question, views, events, applied
        self._connections = [Connection(feed, replica) for replica in feed.replicas]
        self._turns = itertools.cycle(self._connections)
        self._connection = next(self._turns)
        self._failures, self._is_current = 0, False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crossfade-feed", daemon=True)

    @property
    def replica(self) -> Replica:
        """The one that is followed."""
        return self._connection.replica

    def start(self) -> None:
        """Begin. `RuntimeError`: there is no thread to be had."""
        self._thread.start()

    def stop(self) -> None:
        """End, as soon as the request in flight lets go."""
        self._stop.set()
        for connection in self._connections:
            connection.interrupt()

    def join(self, timeout: float) -> None:
        """Wait for the end."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause_s = self._turn()
            except Exception as error:
                # A fault of ours must not end the thread, and with it all news.
                pause_s = self._failed(f"a fault of this library's: {type(error).__name__}", Kind.FAILED)
            if pause_s and self._stop.wait(pause_s):
                break
        self._connection.close()

    def _turn(self) -> float:
        """One question; how long to pause after it."""
        wait_s = self._wait_s()
        timeout = wait_s + self._margin_s()
        try:
            outcome = ask(self._connection, self._question, self._views, wait_s=wait_s, timeout=timeout)
        except FAULTS as error:
            return 0 if self._stop.is_set() else self._dropped(error)
        self._failures, self._is_current = 0, True
        self._applied(outcome)
        if outcome.closes:
            self._next_replica()
            # Each of many verifiers is told so at the same moment.
            return random.uniform(0, _AFTER_OLDER_S)  # noqa: S311
        # What answers at once instead of waiting, and says nothing new, is not asked at full speed.
        hasty = wait_s and not outcome.changed and outcome.took_s < _QUICK_S
        return random.uniform(0, 1) if hasty else 0  # noqa: S311

    def _wait_s(self) -> int:
        """Nothing is waited for while the view may be old: at the start, and after whatever went wrong."""
        applied = self._views.applied
        if applied is None or applied.etag is None or not self._is_current:
            return 0
        return longest_wait_s(applied.view)

    def _dropped(self, error: Exception) -> float:
        match error:
            case Dropped(reason="older"):
                self._failed(explain(error), Kind.DROPPED)
                return _AFTER_OLDER_S
            case Dropped():
                return self._failed(explain(error), Kind.DROPPED)
            case SetError():
                return self._failed(explain(error), Kind.REJECTED)
            case _:
                return self._failed(explain(error), Kind.FAILED)

    def _failed(self, detail: str, kind: Kind) -> float:
        self._events.emit(kind, f"{self._connection.replica.url}: {detail}")
        self._next_replica()
        self._is_current = False
        view = self._views.view
        wait_ms = retry_ms(self._failures, None if view is None else view.set.freshness_ms, random.random())  # noqa: S311
        self._failures += 1
        return wait_ms / 1000

    def _next_replica(self) -> None:
        self._connection.close()
        self._connection = next(self._turns)

    def _margin_s(self) -> float:
        view = self._views.view
        return ANSWER_S if view is None else min(ANSWER_S, max(1.0, view.set.freshness_ms / 8000))
