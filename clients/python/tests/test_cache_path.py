"""What stands at a cache's path and is not ours is left as it is: the verifier is not made, and nothing is written."""

import os
import socket
import stat
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from crossfade_verify import Accepted, Event, Feed, Kind, Verifier
from fake_feed import FakeFeed
from material import AUDIENCE, VERIFIER, accept_set, entry, token
from waiting import until

GOOD = token("current")


def a_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_link(path: Path) -> None:
    path.with_name("elsewhere").write_text("")
    path.symlink_to("elsewhere")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def a_device(path: Path) -> None:
    # As /dev/zero: what reads it to its end reads for ever.
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def another_users(path: Path) -> None:
    path.write_text("")
    os.chown(path, 65_534, 65_534)


JSON_OF_OTHERS = [
    '{"version":1}',
    '{"format":"model","weights":"x"}',
    '{"format": 3, "mine": true}',
    '{"format":true}',
    '{"format":-1,"sha256":"',
    '{"format":2.0,"sha256":"',
    '{"format":1234567890,"sha256":"',
    '{"format":3}\n',
    '{"format":1,"name":"x"}',
    '{"format":1,"feed',
]

FOREIGN: list[tuple[str, Callable[[Path], object]]] = [
    ("a pipe", a_pipe),
    ("a link", a_link),
    ("a link to nothing", a_link_to_nothing),
    ("a folder", Path.mkdir),
    ("a socket", a_socket),
    ("a device", a_device),
    ("another user's file", another_users),
    ("another program's file", lambda path: path.write_text("[Unit]\nDescription=not ours\n")),
    *(("another program's JSON " + text, lambda path, text=text: path.write_text(text)) for text in JSON_OF_OTHERS),
]
OURS = [
    '{"format":1,"feed":"',
    '{"format": 1, "audience":"',
    '{"format":1,"audience":',
    '{"format":0,"sha256":"',
    '{"format":123456789,"sha256":"',
]
OF_ROOT = ("a device", "another user's file")


def made(what: str, make: Callable[[Path], object], path: Path) -> os.stat_result:
    if what in OF_ROOT and os.geteuid() != 0:
        pytest.skip("only root can make it")
    make(path)
    return os.lstat(path)


def is_as_it_was(path: Path, before: os.stat_result) -> bool:
    now = os.lstat(path)
    kept = (now.st_ino, now.st_mode, now.st_size, now.st_uid) == (
        before.st_ino,
        before.st_mode,
        before.st_size,
        before.st_uid,
    )
    return kept and [found.name for found in path.parent.iterdir() if found.name.startswith(".")] == []


@pytest.mark.parametrize(("what", "make"), FOREIGN, ids=[what for what, _ in FOREIGN])
def test_at_the_start_it_is_an_error(what: str, make: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "cache"
    before = made(what, make, path)
    threads = threading.active_count()
    with pytest.raises(ValueError, match="is left alone: name another path"):
        Verifier(Feed("http://127.0.0.1:9", VERIFIER), AUDIENCE, cache=path)
    assert is_as_it_was(path, before)
    assert threading.active_count() == threads


@pytest.mark.parametrize(("what", "make"), FOREIGN, ids=[what for what, _ in FOREIGN])
def test_what_comes_there_later_is_not_written_over(what: str, make: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "cache"
    events: list[Event] = []
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=path, on_event=events.append) as verifier:
        until("the cache", path.exists)
        path.unlink()
        before = made(what, make, path)
        feed.publish(accept_set(entry("current"), entry("next", "pending")))
        until("word of it", lambda: [event for event in events if event.kind is Kind.CACHE_FAILED])
        assert isinstance(verifier.verify(GOOD), Accepted)
    assert is_as_it_was(path, before)


def test_what_comes_there_while_a_write_waits_for_the_disk_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache"
    events: list[Event] = []
    real = os.fsync

    def slow(file: int) -> None:
        real(file)
        path.write_text("[Unit]\n")

    monkeypatch.setattr(os, "fsync", slow)
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=path, on_event=events.append):
        until("word of it", lambda: [event for event in events if event.kind is Kind.CACHE_FAILED])
    assert path.read_text() == "[Unit]\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("beginning", OURS)
def test_what_begins_as_a_cache_of_any_release_is_replaced(beginning: str, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    path.write_text(beginning)
    path.chmod(0o600)
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=path):
        until("it is replaced", lambda: b"version-of-current" in path.read_bytes())


def test_an_empty_file_of_ours_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    path.touch(0o600)
    events: list[Event] = []
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=path, on_event=events.append):
        until("the cache", lambda: path.stat().st_size)
    assert [event for event in events if event.kind is Kind.CACHE_FAILED] == []


@pytest.mark.parametrize("step", ["mkstemp", "fsync", "replace", "open"])
def test_a_step_of_writing_that_fails_once_leaves_nothing_and_the_next_one_works(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tempfile if step == "mkstemp" else os
    real = getattr(module, step)
    failures = [OSError(28, "No space left on device")]

    def once(*arguments: object, **named: object) -> object:
        if failures:
            raise failures.pop()
        return real(*arguments, **named)

    path = tmp_path / "cache"
    events: list[Event] = []
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=path, on_event=events.append):
        until("the cache", path.exists)
        before, handles = path.read_bytes(), len(os.listdir("/proc/self/fd"))
        with monkeypatch.context() as patched:
            patched.setattr(module, step, once)
            feed.publish(accept_set(entry("current"), entry("next", "pending")))
            until("word of it", lambda: [event for event in events if event.kind is Kind.CACHE_FAILED])
            assert path.read_bytes() == before
            assert list(tmp_path.iterdir()) == [path]
            assert len(os.listdir("/proc/self/fd")) <= handles
            feed.publish(accept_set(entry("current"), entry("third", "pending")))
            until("it is written", lambda: b"version-of-third" in path.read_bytes())
