"""A file that lets a server start while the daemon is down: the last accept set and its place in time.

It holds digests, never a token. What is read from it never refuses anybody, and `hold` goes on counting from the
view that was written: to start again renews nothing.
"""

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from . import _json
from ._accept_set import MAX_BYTES, SetError, parse_accept_set
from ._clock import Moment
from ._verdict import View

_FORMAT = 1
_MOST = 2 * MAX_BYTES
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class CacheError(Exception):
    """Why the file can't be used; says what to do."""


class Cache:
    """The file of one audience and one feed."""

    def __init__(self, path: str | Path, audience: str, feed: list[str], max_hold_ms: int | None) -> None:
        self._path = Path(path)
        self._audience = audience
        self._feed = feed
        self._max_hold_ms = max_hold_ms

    def read(self, at: Moment) -> View | None:
        """The view that was written last, as old as it is now. None if there is no file."""
        try:
            record = _json.parse(self._content())
            return self._view(record, at)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CacheError(f"{self._path} can't be read: {error.strerror}") from None
        except (_json.Fault, SetError, KeyError, TypeError, AttributeError):
            raise CacheError(f"{self._path} is no cache of ours, or damaged: it is written anew") from None

    def write(self, view: View) -> None:
        """Replace the file as a whole."""
        record = {
            "format": _FORMAT,
            "audience": self._audience,
            "feed": self._feed,
            "boot": _boot_id(),
            "boot_ms": view.taken.boot_ms,
            "wall_ms": view.taken.wall_ms,
            "now_ms": view.now_ms,
            "age_ms": view.age_ms,
            "set": view.set.to_json(),
        }
        try:
            # 0600, of our own uid, under a name that nobody can foresee.
            file, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            try:
                with os.fdopen(file, "w", encoding="utf-8") as new:
                    json.dump(record, new, ensure_ascii=False)
                    new.flush()
                    os.fsync(new.fileno())
                os.replace(name, self._path)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            raise CacheError(f"{self._path} can't be written: {error.strerror}") from None

    def _content(self) -> bytes:
        # Not through a link, and not from a pipe that never ends.
        file = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as opened:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or _is_open(status):
                raise CacheError(
                    f"{self._path} is not a file of this user's with mode 0600, or open to a group of this process's "
                    "besides: remove it"
                )
            content = opened.read(_MOST + 1)
        if len(content) > _MOST:
            raise CacheError(f"{self._path} is larger than any cache of ours: remove it")
        return content

    def _view(self, record: Any, at: Moment) -> View:
        if record["format"] != _FORMAT:
            raise CacheError(f"{self._path} is of another version of this library: it is written anew")
        if record["audience"] != self._audience or record["feed"] != self._feed:
            raise CacheError(f"{self._path} is of another audience or feed: give each verifier a file of its own")
        numbers = [record[key] for key in ("boot_ms", "wall_ms", "now_ms", "age_ms")]
        if any(type(number) is not int for number in numbers):
            raise TypeError
        boot_ms, wall_ms, now_ms, age_ms = numbers
        same_boot = record["boot"] is not None and record["boot"] == _boot_id()
        if not same_boot and at.wall_ms < wall_ms:
            # Nothing here has counted the time since.
            raise CacheError(f"{self._path} was written at a later time than it is now: is the clock right?")
        # Across boots the wall clock alone has counted.
        taken = Moment(boot_ms if same_boot else at.boot_ms, wall_ms)
        elapsed_ms = at.elapsed_since_ms(taken)
        return View(
            set=parse_accept_set(record["set"].encode(), self._audience),
            now_ms=now_ms + elapsed_ms,
            age_ms=age_ms + elapsed_ms,
            taken=at,
            complete=False,
            max_hold_ms=self._max_hold_ms,
        )


def _is_open(status: os.stat_result) -> bool:
    """Whether others are let in, or a group that is none of ours.

    Kubernetes opens each file of a volume with an `fsGroup` to that group, at every mount.
    """
    is_our_group = status.st_gid in {os.getegid(), *os.getgroups()}
    return bool(status.st_mode & 0o007) or (bool(status.st_mode & 0o070) and not is_our_group)


def _boot_id() -> str | None:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return None
