"""The view that counts now, for any number of readers."""

import threading
from dataclasses import dataclass

from ._clock import Moment
from ._timing import Dropped
from ._verdict import View


@dataclass(frozen=True, slots=True)
class Applied:
    """A view, and the ETag of its set; a view from a cache file has none."""

    view: View
    etag: str | None


class Views:
    """Holds the newest view. Reading is one load of one attribute, and takes no lock."""

    def __init__(self, applied: Applied | None = None) -> None:
        self.applied = applied
        self._lock = threading.Lock()

    @property
    def view(self) -> View | None:
        """The newest view."""
        applied = self.applied
        return None if applied is None else applied.view

    def place_ms(self) -> int | None:
        """Its place in the store's time."""
        view = self.view
        return None if view is None else view.place_ms()

    def apply(self, new: Applied) -> None:
        """Take a view, unless an older one it is: then `Dropped`, and nothing changes."""
        with self._lock:
            place_ms = self.place_ms()
            if place_ms is not None and new.view.place_ms() < place_ms:
                raise Dropped("older")
            self.applied = new

    def is_fresh(self, at: Moment) -> bool:
        """Whether a refusal may rest on it."""
        view = self.view
        return view is not None and view.is_fresh(at)
