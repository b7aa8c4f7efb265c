"""A verifier's link to its feed: the threads, and what they share. A fork leaves it behind."""

import os
import time
from collections.abc import Callable

from ._clock import Moment
from ._counts import Counts
from ._events import Events
from ._exchange import Question
from ._feed import Feed
from ._follower import Follower
from ._keeper import Keeper, Writes
from ._refresher import REFRESH_S, Refresher
from ._reporter import Reporter
from ._views import Views


class Link:
    """Follows the feed, reports, and refreshes where a request asks for it."""

    def __init__(
        self,
        feed: Feed,
        question: Question,
        views: Views,
        counts: Counts,
        events: Events,
        cache: Writes | None,
        clock: Callable[[], Moment],
    ) -> None:
        self._keeper = Keeper(views, events, cache)
        applied = self._keeper.applied
        self._follower = Follower(feed, question, views, events, applied)
        self._reporter = Reporter(feed, question, views, counts, events, lambda: self._follower.replica)
        self.refresher = Refresher(
            feed, question, views, events, applied=applied, followed=lambda: self._follower.replica, clock=clock
        )
        self._pid = os.getpid()

    def start(self) -> None:
        """Begin, wholly or not at all. `RuntimeError`: there is no thread to be had."""
        # The one first that has nothing to say yet, so that what can't begin wholly has asked nobody.
        self._reporter.start()
        try:
            self._follower.start()
        except RuntimeError:
            self._reporter.stop()
            raise

    def stop(self) -> None:
        """In the process that started it; a child that ends leaves its parent's link alone."""
        if os.getpid() == self._pid:
            self._follower.stop()
            self._reporter.stop()

    def join(self) -> None:
        """Wait for the end, for the last report and for the last view in the cache file, 2 s at most: in vain where the
        daemon can't be reached, or the disk hangs.
        """
        ends = time.monotonic() + REFRESH_S
        # What it brings no more is not written.
        self._follower.join(REFRESH_S)
        self._keeper.stop()
        for thread in (self._reporter, self._keeper):
            thread.join(max(0.0, ends - time.monotonic()))
