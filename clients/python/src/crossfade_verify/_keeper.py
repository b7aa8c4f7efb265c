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

    The disk may hang, and nobody but a thread of this waits for it. One write is in flight, and the youngest view is
    written after it.
    """

    def __init__(self, views: Views, events: Events, cache: Writes | None) -> None:
        self._views, self._events, self._cache = views, events, cache
        self._written: Moment | None = None
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._is_wanted = False

    def applied(self, outcome: Outcome) -> None:
        """An answer counts."""
        applied = self._views.applied
        if applied is None:
            return
        detail = f"{len(applied.view.set.entries)} versions, {applied.etag}"
        self._events.emit(Kind.APPLIED if outcome.changed else Kind.RENEWED, detail)
        if outcome.changed or self._is_due():
            self._want()

    def stop(self) -> None:
        """Write what the feed has brought last."""
        view = self._views.view
        if view is not None and view.complete:
            self._want()

    def join(self, timeout: float) -> None:
        """Wait for the end of what is being written."""
        writer = self._writer
        if writer is not None:
            writer.join(timeout)

    def _is_due(self) -> bool:
        return self._written is None or read_clocks().elapsed_since_ms(self._written) >= _AGAIN_AFTER_MS

    def _want(self) -> None:
        if self._cache is None:
            return
        with self._lock:
            self._is_wanted = True
            if self._writer is not None:
                return
            writer = threading.Thread(target=self._write_all, args=(self._cache,), name="crossfade-cache", daemon=True)
            try:
                writer.start()
            except RuntimeError as error:
                # The next view that counts tries again.
                failure = f"no thread to write the cache file with: {error}"
            else:
                self._writer = writer
                return
        self._events.emit(Kind.CACHE_FAILED, failure)

    def _write_all(self, cache: Writes) -> None:
        while True:
            with self._lock:
                if not self._is_wanted:
                    # Whoever wants another one from here on begins anew.
                    self._writer = None
                    return
                self._is_wanted = False
            self._write(cache)

    def _write(self, cache: Writes) -> None:
        began, applied = read_clocks(), self._views.applied
        try:
            if applied is not None:
                cache.write(applied)
                self._written = began
        except CacheError as error:
            self._events.emit(Kind.CACHE_FAILED, str(error))
        except Exception as error:
            # A fault of ours must not end the thread: none would follow it.
            self._events.emit(Kind.CACHE_FAILED, f"a fault of this library's: {type(error).__name__}")
