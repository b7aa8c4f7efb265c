"""A disk that hangs under the cache file stops nothing: neither the feed, nor a refresh, nor the end."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossfade_verify import Accepted, Event, Kind, Verifier
from crossfade_verify._gate import Why
from fake_feed import FakeFeed
from material import AUDIENCE, accept_set, entry, token
from test_fork import ended_well, in_a_child
from test_resources import Scarce
from waiting import until


class Disk:
    """While it hangs, each write waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.works = threading.Event()
        self.works.set()
        self.writes = 0
        real = os.fsync

        def fsync(file: int) -> None:
            self.writes += 1
            self.works.wait()
            real(file)

        monkeypatch.setattr(os, "fsync", fsync)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.works.set()
    until("no write is left", lambda: ours("crossfade-cache") == 0)


def ours(name: str) -> int:
    return len([thread for thread in threading.enumerate() if thread.name.startswith(name)])


def set_of(count: int) -> str:
    return accept_set(*(entry(f"number-{number}") for number in range(count)))


def knows(verifier: Verifier, count: int) -> None:
    """Of the last one of so many."""
    until("the next set", lambda: isinstance(verifier.verify(token(f"number-{count - 1}")), Accepted))


def is_at_rest(path: Path) -> bool:
    return path.exists() and ours("crossfade-cache") == 0


def refresh(verifier: Verifier) -> None:
    link = verifier._link
    assert link is not None
    running = link.refresher.ask(Why.UNSURE)
    assert running is not None
    running.result(60)


def test_the_feed_and_refreshes_go_on_and_the_youngest_view_waits_for_the_disk(disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    with FakeFeed(set_of(1)) as feed, Verifier(feed.feed(), AUDIENCE, cache=path) as verifier:
        until("the cache", lambda: is_at_rest(path))
        writes = disk.writes
        disk.works.clear()
        for count in range(2, 7):
            feed.publish(set_of(count))
            knows(verifier, count)
        refresh(verifier)
        until("the refresh's threads have ended", lambda: ours("crossfade-refresh") == 0)
        assert ours("crossfade-cache") == 1
        assert disk.writes == writes + 1, "one at a time"
        disk.works.set()
        until("the youngest", lambda: b"version-of-number-5" in path.read_bytes())
        assert disk.writes == writes + 2, "and of those that waited the youngest alone"


def test_close_writes_the_last_view_and_waits_no_longer_for_it_than_its_two_seconds(disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    with FakeFeed(set_of(1)) as feed:
        verifier = Verifier(feed.feed(), AUDIENCE, cache=path)
        until("the cache", lambda: is_at_rest(path))
        before = path.read_bytes()
        refresh(verifier)
        verifier.close()
        assert path.read_bytes() != before, "the same set, seen again"
        hung = Verifier(feed.feed(), AUDIENCE, cache=path)
        until("a view", lambda: hung.status().fresh)
        until("it is at rest", lambda: is_at_rest(path))
        disk.works.clear()
        began = time.monotonic()
        hung.close()
        assert 1 < time.monotonic() - began < 3.5


def test_a_child_writes_too_though_its_parents_write_hangs(disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    with FakeFeed(set_of(1)) as feed, Verifier(feed.feed(), AUDIENCE, cache=path) as verifier:
        until("the cache", lambda: is_at_rest(path))
        disk.works.clear()
        feed.publish(set_of(2))
        until("a write hangs", lambda: ours("crossfade-cache") == 1)

        def child() -> None:
            disk.works.set()
            knows(verifier, 3)
            until("the child's", lambda: b"version-of-number-2" in path.read_bytes())
            verifier.close()

        forked = in_a_child(child)
        feed.publish(set_of(3))
        assert ended_well(forked)


def test_a_write_that_gets_no_thread_is_told_and_made_with_the_next_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache"
    Scarce(monkeypatch).failures["crossfade-cache"] = 1
    events: list[Event] = []
    with FakeFeed(set_of(1)) as feed, Verifier(feed.feed(), AUDIENCE, cache=path, on_event=events.append):
        until("word of it", lambda: [event for event in events if event.kind is Kind.CACHE_FAILED])
        feed.publish(set_of(2))
        until("the cache", path.exists)
