"""Follows the feed, in one background thread: asks, holds the next question open, reports what was decided."""

import itertools
import random
import threading

from ._accept_set import SetError
from ._cache import Cache, CacheError
from ._clock import Moment, read_clocks
from ._counts import Counts, Report
from ._events import Events, Kind
from ._exchange import Outcome, Question, Refusal, ask, explain, longest_wait_s
from ._feed import Feed
from ._timing import Dropped
from ._transport import Connection, TransportError
from ._views import Views

ANSWER_S = 5.0
"""How long an answer may take that is not held."""

_LONGEST_BACKOFF_S = 10.0
_AFTER_OLDER_S = 1.0
_QUICK_S = 0.1
_CACHE_EVERY_MS = 60_000
_REPORT_ANSWER = 1 << 16

FAULTS = (TransportError, Refusal, SetError, Dropped)
"""What can be wrong with an answer. The last good set stays, within its bounds."""


class Follower:
    """The thread. It owns its connection; views, counts and cache are shared with others."""

    def __init__(
        self, feed: Feed, question: Question, views: Views, counts: Counts, events: Events, cache: Cache | None
    ) -> None:
        self._question, self._views, self._counts, self._events = question, views, counts, events
        self._cache = cache
        self._cached: Moment | None = None
        self._cache_lock = threading.Lock()
        self._feed = feed
        self._connections = [Connection(feed, replica) for replica in feed.replicas]
        self._turns = itertools.cycle(self._connections)
        self._connection = next(self._turns)
        self._failures, self._is_current = 0, False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crossfade-feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, as soon as the request in flight lets go."""
        self._stop.set()
        for connection in self._connections:
            connection.interrupt()

    def join(self, timeout: float) -> None:
        """Wait for the end: by then the last counts were reported, if the daemon could be reached."""
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
        self._connection = Connection(self._feed, self._connection.replica)
        self._report()
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
        self.applied(outcome)
        if outcome.closes:
            self._next_replica()
            # Each of many verifiers is told so at the same moment.
            return random.uniform(0, _AFTER_OLDER_S)  # noqa: S311
        self._report()
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
        self._failures += 1
        # Full jitter: of many that lost the same daemon, no two come back together.
        return random.uniform(0, min(_LONGEST_BACKOFF_S, 0.25 * 2 ** min(self._failures, 10)))  # noqa: S311

    def _next_replica(self) -> None:
        self._connection.close()
        self._connection = next(self._turns)

    def _margin_s(self) -> float:
        view = self._views.view
        return ANSWER_S if view is None else min(ANSWER_S, max(1.0, view.set.freshness_ms / 8000))

    def applied(self, outcome: Outcome) -> None:
        """Tell of a view that counts now, and write it down."""
        applied = self._views.applied
        if applied is None:
            return
        detail = f"{len(applied.view.set.entries)} versions, {applied.etag}"
        self._events.emit(Kind.APPLIED if outcome.changed else Kind.RENEWED, detail)
        if self._cache is None:
            return
        with self._cache_lock:
            now = read_clocks()
            if not outcome.changed and self._cached and now.elapsed_since_ms(self._cached) < _CACHE_EVERY_MS:
                return
            try:
                self._cache.write((self._views.applied or applied).view)
                self._cached = now
            except CacheError as error:
                self._events.emit(Kind.CACHE_FAILED, str(error))

    def _report(self) -> None:
        while (
            report := self._counts.report(self._question.audience, self._question.instance, read_clocks())
        ) is not None:
            try:
                self._send(report)
            except (TransportError, Refusal) as error:
                self._events.emit(Kind.REPORT_FAILED, f"{self._connection.replica.url}: {error}")
                return
            self._counts.confirm(report, self._stands)

    def _send(self, report: Report) -> None:
        answer = self._connection.request(
            "POST",
            "/v1/reports",
            {"Content-Type": "application/json"},
            timeout=1.0 if self._stop.is_set() else self._margin_s(),
            most=_REPORT_ANSWER,
            body=report.body,
        )
        if answer.status != 204:
            raise Refusal(f"the report was not taken, with status {answer.status}")

    def _stands(self, version: str) -> bool:
        view = self._views.view
        return view is not None and any(entry.version == version for entry in view.set.entries)
