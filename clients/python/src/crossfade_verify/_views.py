"""The view that counts now, for any number of readers."""

import threading
from dataclasses import dataclass
from datetime import timedelta

from ._clock import Moment
from ._timing import Dropped
from ._verdict import View


@dataclass(frozen=True, slots=True)
class Applied:
    """A view, and the ETag of its set; a view from a cache file has none."""

    view: View
    etag: str | None
    text: bytes | None = None
    """The set as it came, where a cache file wants it."""


@dataclass(frozen=True, slots=True)
class Status:
    """How well a verifier is informed. For health checks and metrics."""

    entries: int | None
    """How many versions are accepted; `None`: no set has come yet."""
    age: timedelta | None
    """How long ago the store was read."""
    fresh: bool
    """Whether a refusal may rest on that."""


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
        """Its place in the store's time, before which the feed's answers are older. None where the feed has brought no
        view yet: what a file says must not keep out what the daemon says.
        """
        view = self.view
        return view.place_ms() if view is not None and view.complete else None

    def apply(self, new: Applied) -> None:
        """Take a view, unless an older one it is: then `Dropped`, and nothing changes."""
        with self._lock:
            place_ms = self.place_ms()
            if place_ms is not None and new.view.place_ms() < place_ms:
                raise Dropped("older")
            self.applied = new

    def status(self, at: Moment) -> Status:
        """How it stands at `at`."""
        view = self.view
        if view is None:
            return Status(None, None, fresh=False)
        return Status(len(view.set.entries), timedelta(milliseconds=view.age_at_ms(at)), view.is_fresh(at))
