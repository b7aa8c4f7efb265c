"""Refreshes the view when a request needs it: one at a time, with a cool-down, so that garbage can't drive it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from ._clock import Moment
from ._events import Events, Kind
from ._exchange import Outcome, Question, ask, explain
from ._feed import Feed
from ._follower import FAULTS
from ._transport import Connection
from ._views import Views

REFRESH_S = 2.0
"""How long a request waits for it at most."""

_COOL_DOWN_S = 1.0


class Refresher:
    """Asks the replicas in turn, without a wait, until one gives a fresh view."""

    def __init__(
        self,
        feed: Feed,
        question: Question,
        views: Views,
        events: Events,
        *,
        applied: Callable[[Outcome], None],
        clock: Callable[[], Moment],
    ) -> None:
        self._feed, self._question, self._views, self._events = feed, question, views, events
        self._applied, self._clock = applied, clock
        self._lock = threading.Lock()
        self._running: Future[bool] | None = None
        self._ended: float | None = None

    def ask(self) -> "Future[bool] | None":
        """A refresh, the one that runs already if there is one; none within the cool-down of the last."""
        with self._lock:
            if self._running is not None:
                return self._running
            if self._ended is not None and time.monotonic() - self._ended < _COOL_DOWN_S:
                return None
            running: Future[bool] = Future()
            self._running = running
            # So that none of those who wait for it can call it off for the others.
            running.set_running_or_notify_cancel()
        threading.Thread(target=self._run, args=(running,), name="crossfade-refresh", daemon=True).start()
        return running

    def _run(self, running: "Future[bool]") -> None:
        fresh = False
        try:
            fresh = self._refresh()
        finally:
            with self._lock:
                self._running = None
                self._ended = time.monotonic()
            running.set_result(fresh)

    def _refresh(self) -> bool:
        deadline = time.monotonic() + REFRESH_S
        left = len(self._feed.replicas)
        for replica in self._feed.replicas:
            # A replica that is cut off leaves time for the others.
            timeout = max(0.1, (deadline - time.monotonic()) / left)
            left -= 1
            connection = Connection(self._feed, replica)
            try:
                outcome = ask(connection, self._question, self._views, wait_s=0, timeout=timeout)
            except FAULTS as error:
                self._events.emit(Kind.FAILED, f"{replica.url}, asked for a request's sake: {explain(error)}")
            else:
                self._applied(outcome)
            finally:
                connection.close()
            if self._views.is_fresh(self._clock()):
                return True
        return False
