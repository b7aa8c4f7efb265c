"""What a verifier tells whoever watches it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_LOG = logging.getLogger("crossfade_verify")


class Kind(StrEnum):
    """What has happened; made to be a metric's label."""

    APPLIED = "applied"
    """Another accept set counts now."""
    RENEWED = "renewed"
    """The same set, read from the store more recently."""
    DROPPED = "dropped"
    """An answer changed nothing: an older view, another nonce, clocks that parted. Another replica is asked."""
    REJECTED = "rejected"
    """A set with a fault in it. The last good one stays, within its bounds."""
    FAILED = "failed"
    """No answer, or one that says no. The last good set stays, within its bounds."""
    REPORT_FAILED = "report_failed"
    """Counts that were not taken; they are sent again later."""
    CACHE_FAILED = "cache_failed"
    """The cache file can't be used, or not be written."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that has happened. Neither field ever holds a token or a credential."""

    kind: Kind
    detail: str


Hook = Callable[[Event], None]

_QUIET = (Kind.APPLIED, Kind.RENEWED)


class Events:
    """Hands events to the log (`crossfade_verify`) and to a hook."""

    def __init__(self, hook: Hook | None) -> None:
        self._hook = hook

    def emit(self, kind: Kind, detail: str) -> None:
        """Tell of it. A hook that fails is logged, and harms nothing."""
        _LOG.log(logging.DEBUG if kind in _QUIET else logging.WARNING, "crossfade feed %s: %s", kind, detail)
        if self._hook is None:
            return
        try:
            self._hook(Event(kind, detail))
        except Exception:
            _LOG.exception("the hook for events failed")
