"""What stands in the file that lets a server start while the daemon is down: the last accept set and its place in time.

It holds digests, never a token. What is read from it never refuses anybody, and `hold` goes on counting from the
view that was written: to start again renews nothing. `caches.json` of the vectors says what is made of it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _cache_0_1, _json
from ._accept_set import SetError, parse_accept_set
from ._cache_file import CacheFile, begins_as_ours
from ._clock import Moment
from ._keeper import CacheError
from ._verdict import View
from ._views import Applied

_FORMAT = 2
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_WHY = {
    "damaged": "is damaged: it is not used, and written anew",
    "other_format": "is of another version of this library: it is not used, and written anew",
    "other_audience": "is of another audience: give each verifier a file of its own. It is not used, and written anew",
    "other_feed": "is of another feed: give each verifier a file of its own. It is not used, and written anew",
    "future": "was written at a later time than it is now: is the clock right? It is not used, and written anew",
}


class Unused(Exception):
    """Why nothing is made of a file: a name of `verify/vectors/README.md`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Place:
    """Whose file it is, and where and when it is read."""

    audience: str
    feed: list[str]
    boot: str
    at: Moment


def view_of(content: bytes, place: Place, max_hold_ms: int | None = None) -> View:
    """The view that was written, as old as it is at `place.at`; else `Unused`."""
    if not content:
        raise Unused("empty")
    if not begins_as_ours(content):
        raise Unused("foreign")
    try:
        first, _, rest = content.partition(b"\n")
        head = _json.parse(first)
        if _cache_0_1.is_one(head):
            record, text = _cache_0_1.lines(head)
        elif head["format"] != _FORMAT:
            raise Unused("other_format")
        elif head["sha256"] != hashlib.sha256(rest).hexdigest():
            raise Unused("damaged")
        else:
            second, _, text = rest.partition(b"\n")
            record = _json.parse(second)
        return _view(record, text, place, max_hold_ms)
    except (_json.Fault, KeyError, TypeError, AttributeError):
        raise Unused("damaged") from None


def _view(record: Any, text: bytes, place: Place, max_hold_ms: int | None) -> View:
    numbers = [record[key] for key in ("boot_ms", "wall_ms", "now_ms", "age_ms")]
    if any(type(number) is not int for number in numbers) or type(record["boot"]) is not str:
        raise Unused("damaged")
    boot_ms, wall_ms, now_ms, age_ms = numbers
    if age_ms > now_ms:
        raise Unused("damaged")
    if record["audience"] != place.audience:
        raise Unused("other_audience")
    if record["feed"] != place.feed:
        raise Unused("other_feed")
    try:
        accept_set = parse_accept_set(text, place.audience)
    except SetError as error:
        raise Unused("other_audience" if error.reason == "other_audience" else "damaged") from None
    elapsed_ms = place.at.wall_ms - wall_ms
    if place.boot and record["boot"] == place.boot and place.at.boot_ms >= boot_ms:
        elapsed_ms = max(elapsed_ms, place.at.boot_ms - boot_ms)
    elif elapsed_ms < 0:
        # Across boots the wall clock alone has counted, and it has not.
        raise Unused("future")
    return View(accept_set, now_ms + elapsed_ms, age_ms + elapsed_ms, place.at, complete=False, max_hold_ms=max_hold_ms)


class Cache:
    """The file of one audience and one feed."""

    def __init__(self, path: str | Path, audience: str, feed: list[str], max_hold_ms: int | None) -> None:
        self._file = CacheFile(Path(path))
        self._audience, self._feed, self._max_hold_ms = audience, feed, max_hold_ms

    def read(self, at: Moment) -> View | None:
        """The view that was written last, as old as it is now. None if there is none."""
        content = self._file.read()
        try:
            return view_of(content, Place(self._audience, self._feed, _boot_id(), at), self._max_hold_ms)
        except Unused as unused:
            if unused.reason == "empty":
                return None
            raise CacheError(f"{self._file.path} {_WHY[unused.reason]}") from None

    def write(self, applied: Applied) -> None:
        """Replace the file as a whole."""
        view = applied.view
        record = {
            "audience": self._audience,
            "feed": self._feed,
            "boot": _boot_id(),
            "boot_ms": view.taken.boot_ms,
            "wall_ms": view.taken.wall_ms,
            "now_ms": view.now_ms,
            "age_ms": view.age_ms,
        }
        text = view.set.to_json().encode() if applied.text is None else applied.text
        rest = _line(record) + text
        self._file.write(_line({"format": _FORMAT, "sha256": hashlib.sha256(rest).hexdigest()}) + rest)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
