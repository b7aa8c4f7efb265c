"""Refreshes the view when a request needs a younger one: one refresh at a time, of 2 s at most."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from ._clock import Moment
from ._events import Events, Kind
from ._exchange import Outcome, Question, ask, explain
from ._feed import Feed, Replica
from ._follower import ANSWER_S, FAULTS
from ._gate import REFRESH_MS, Answer, Gate, Why
from ._transport import Connection
from ._views import Views

REFRESH_S = REFRESH_MS / 1_000
"""How long a request waits for it at most."""

_NEXT_AFTER_S = 0.5


class Refresher:
    """Asks the replica that is followed; the next one too after each 500 ms without an answer, and at once where one
    fails. The first answer that counts ends it. What the others say counts as well, when it comes.
    """

    def __init__(
        self,
        feed: Feed,
        question: Question,
        views: Views,
        events: Events,
        *,
        applied: Callable[[Outcome], None],
        followed: Callable[[], Replica],
        clock: Callable[[], Moment],
    ) -> None:
        self._feed, self._question, self._views, self._events = feed, question, views, events
        self._applied, self._followed, self._clock = applied, followed, clock
        self._lock = threading.Lock()
        self._gate = Gate(random.random)
        self._running: Future[None] | None = None

    def ask(self, why: Why) -> "Future[None] | None":
        """The refresh to wait for; none: decide with what there is."""
        at = self._clock()
        with self._lock:
            answer = self._gate.ask(why, at)
            if answer is not Answer.START:
                return self._running if answer is Answer.JOIN else None
            running = self._running = Future()
        # So that none of those who wait for it can call it off for the others.
        running.set_running_or_notify_cancel()
        self._start(lambda: self._run(running, at), lambda: self._end(running, at, succeeded=False))
        return running

    def _start(self, what: Callable[[], None], otherwise: Callable[[], None]) -> None:
        try:
            threading.Thread(target=what, name="crossfade-refresh", daemon=True).start()
        except RuntimeError as error:
            self._events.emit(Kind.FAILED, f"a request's refresh got no thread: {error}")
            otherwise()

    def _run(self, running: "Future[None]", started: Moment) -> None:
        succeeded = False
        try:
            succeeded = self._refresh()
        finally:
            self._end(running, started, succeeded)

    def _end(self, running: "Future[None]", started: Moment, succeeded: bool) -> None:
        with self._lock:
            self._gate.end(started, succeeded, self._clock())
            # One that a freeze has overtaken may have been followed by another.
            if self._running is running:
                self._running = None
        running.set_result(None)

    def _refresh(self) -> bool:
        ends = time.monotonic() + REFRESH_S
        ended: SimpleQueue[bool] = SimpleQueue()
        waiting = self._in_turn()
        asked = 0
        while True:
            if waiting:
                replica = waiting.pop(0)
                asked += 1
                self._start(lambda replica=replica: self._ask(replica, ended), lambda: ended.put(False))  # type: ignore[misc]
            left_s = max(0.0, ends - time.monotonic())
            try:
                counts = ended.get(timeout=min(left_s, _NEXT_AFTER_S) if waiting else left_s)
            except Empty:
                if not waiting or time.monotonic() >= ends:
                    return False
                continue
            asked -= 1
            if counts or (not waiting and not asked):
                return counts

    def _in_turn(self) -> list[Replica]:
        replicas, followed = list(self._feed.replicas), self._followed()
        first = replicas.index(followed)
        return replicas[first:] + replicas[:first]

    def _ask(self, replica: Replica, ended: "SimpleQueue[bool]") -> None:
        connection = Connection(self._feed, replica)
        outcome = None
        try:
            outcome = ask(connection, self._question, self._views, held=False, timeout=ANSWER_S, now=True)
        except FAULTS as error:
            self._events.emit(Kind.FAILED, f"{replica.url}, asked for a request's sake: {explain(error)}")
        finally:
            # Whatever has happened, requests wait for this; for what follows they need not.
            ended.put(outcome is not None)
            connection.close()
        if outcome is not None:
            self._applied(outcome)
