"""The file itself: read and replaced only where it is ours, whatever else may stand at its path.

A path in a config may be mistyped, or somebody else may put something there. So what is no regular file of this user's,
or holds something of another program's, is neither read further nor written over; and nothing is opened that could
make a call hang or have an effect by being opened, such as a pipe or a device.
"""

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ._accept_set import MAX_BYTES
from ._keeper import CacheError

# What 0.1.0 wrote, in three languages; and what is written today.
_OURS = re.compile(rb'\{"format":( ?1, ?"(feed|audience)":|[0-9]{1,9},"sha256":")')
_BEGINNING = len(b'{"format":123456789,"sha256":"')
_MOST = 2 * MAX_BYTES
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class CachePathError(ValueError):
    """Something that is not ours stands at the path of a cache; it was left as it is. Says what to do."""


def begins_as_ours(content: bytes) -> bool:
    """Whether this is a cache of ours, of whatever version."""
    return _OURS.match(content) is not None


class CacheFile:
    """The file at a path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes:
        """What stands there; nothing where there is no file. `CachePathError`: something that is not ours."""
        try:
            with self._opened() as file:
                if file is None:
                    return b""
                content = file.read(_BEGINNING)
                self._judge(content)
                if _is_open(os.fstat(file.fileno())):
                    raise CacheError(f"{self.path} may be read or written by others: it is not used, and written anew")
                content += file.read(_MOST + 1)
        except OSError as error:
            raise CacheError(f"{self.path} can't be read: {error.strerror}") from None
        if len(content) > _MOST:
            raise CacheError(f"{self.path} is larger than any cache of ours: it is not used, and written anew")
        return content

    def write(self, content: bytes) -> None:
        """Replace it as a whole."""
        try:
            self._look()
            # 0600, of our own uid, under a name that nobody can foresee.
            file, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            try:
                try:
                    with open(file, "wb", closefd=False) as new:
                        new.write(content)
                    os.fsync(file)
                finally:
                    os.close(file)
                # However long the disk has taken: something may have come there meanwhile.
                self._look()
                os.replace(name, self.path)
            except BaseException:
                _remove(name)
                raise
        except CachePathError as error:
            raise CacheError(str(error)) from None
        except OSError as error:
            raise CacheError(f"{self.path} can't be written: {error.strerror}") from None

    def _look(self) -> None:
        with self._opened() as file:
            if file is not None:
                self._judge(file.read(_BEGINNING))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[BinaryIO | None]:
        try:
            # Before it is opened: some devices act on that.
            self._be_ours(os.lstat(self.path))
            file = os.open(self.path, _FLAGS)
        except FileNotFoundError:
            yield None
            return
        try:
            self._be_ours(os.fstat(file))
            with open(file, "rb", closefd=False) as opened:
                yield opened
        finally:
            os.close(file)

    def _be_ours(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise CachePathError(
                f"{self.path} is no regular file, so it is left alone: name another path for the cache"
            )
        if status.st_uid != os.geteuid():
            raise CachePathError(f"{self.path} is another user's, so it is left alone: name another path for the cache")

    def _judge(self, beginning: bytes) -> None:
        if beginning and not begins_as_ours(beginning):
            raise CachePathError(
                f"{self.path} holds something that is no cache, so it is left alone: name another path for the cache"
            )


def _is_open(status: os.stat_result) -> bool:
    """Whether others are let in, or a group that is none of ours.

    Kubernetes opens each file of a volume with an `fsGroup` to that group, at every mount.
    """
    is_our_group = status.st_gid in {os.getegid(), *os.getgroups()}
    return bool(status.st_mode & 0o007) or (bool(status.st_mode & 0o070) and not is_our_group)


def _remove(name: str) -> None:
    try:
        os.unlink(name)
    except OSError:
        pass
