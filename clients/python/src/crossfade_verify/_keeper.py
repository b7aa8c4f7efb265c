"""Tells of a view that counts now, and writes it down."""

import threading
from typing import Protocol

from ._clock import Moment, read_clocks
from ._events import Events, Kind
from ._exchange import Outcome
from ._views import Applied, Views

_AGAIN_AFTER_MS = 60_000


class CacheError(Exception):
    """Why a cache file was not used, or not written; says what to do."""


class Writes(Protocol):
    """A cache file."""

    def write(self, applied: Applied) -> None:
        """Replace it as a whole, or raise `CacheError`."""


class Keeper:
    """For all threads that ask: a set that changed is written at once, and now and then that it was seen again, so that
    `hold` counts from there.
    """

    def __init__(self, views: Views, events: Events, cache: Writes | None) -> None:
        self._views, self._events, self._cache = views, events, cache
        self._written: Moment | None = None
        self._lock = threading.Lock()

    def applied(self, outcome: Outcome) -> None:
        """An answer counts."""
        applied = self._views.applied
        if applied is None:
            return
        detail = f"{len(applied.view.set.entries)} versions, {applied.etag}"
        self._events.emit(Kind.APPLIED if outcome.changed else Kind.RENEWED, detail)
        if self._cache is None:
            return
        with self._lock:
            now = read_clocks()
            if not outcome.changed and self._written and now.elapsed_since_ms(self._written) < _AGAIN_AFTER_MS:
                return
            try:
                self._cache.write(self._views.applied or applied)
                self._written = now
            except CacheError as error:
                self._events.emit(Kind.CACHE_FAILED, str(error))
