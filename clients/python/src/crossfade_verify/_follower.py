"""Follows the feed, in one background thread: asks, and holds the next question open."""

import itertools
import random
import threading
from collections.abc import Callable

from ._accept_set import SetError
from ._events import Events, Kind
from ._exchange import Outcome, Question, Refusal, ask, explain
from ._feed import Feed, Replica
from ._pace import closed_ms, held_ms, is_soon, retry_ms, unheld_ms
from ._timing import Dropped
from ._transport import Connection, TransportError
from ._views import Views

ANSWER_S = 5.0
"""How long an answer may take that is not held."""

_AFTER_OLDER_S = 1.0

FAULTS = (TransportError, Refusal, SetError, Dropped)
"""What can be wrong with an answer. The last good set stays, within its bounds."""


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
        self._was_soon = False
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
        held = self._is_held()
        timeout = held_ms(self._freshness_ms() or 0) / 1000 if held else ANSWER_S
        try:
            outcome = ask(self._connection, self._question, self._views, held=held, timeout=timeout)
        except FAULTS as error:
            return 0 if self._stop.is_set() else self._dropped(error)
        self._failures, self._is_current = 0, True
        self._applied(outcome)
        if outcome.closes:
            self._next_replica()
            return closed_ms(random.random()) / 1000  # noqa: S311
        return self._unheld_ms(outcome) / 1000 if held else 0

    def _unheld_ms(self, outcome: Outcome) -> float:
        freshness_ms, took_ms = self._freshness_ms() or 0, outcome.took_s * 1000
        soon_before, self._was_soon = self._was_soon, is_soon(freshness_ms, took_ms)
        return unheld_ms(freshness_ms, took_ms, outcome.changed, soon_before, random.random())  # noqa: S311

    def _is_held(self) -> bool:
        """Nothing is waited for while the view may be old: at the start, and after whatever went wrong."""
        applied = self._views.applied
        return applied is not None and applied.etag is not None and self._is_current

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
        wait_ms = retry_ms(self._failures, self._freshness_ms(), random.random())  # noqa: S311
        self._failures += 1
        return wait_ms / 1000

    def _next_replica(self) -> None:
        self._connection.close()
        self._connection = next(self._turns)

    def _freshness_ms(self) -> int | None:
        view = self._views.view
        return None if view is None else view.set.freshness_ms
