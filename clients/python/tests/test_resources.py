"""What is taken may fail to be had, once: afterwards all is as before, and the next try works."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from crossfade_verify import Accepted, Event, Feed, Moment, Reason, Refused, TokenSource, Unsure, Verifier, read_clocks
from daemon import SECRET
from fake_feed import FakeFeed
from material import AUDIENCE, BOT, token
from test_source import Counter
from waiting import until

GOOD, UNKNOWN = token("current"), token("unknown")


class Scarce:
    """Threads that are not to be had, the next few of a name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures: dict[str, int] = {}
        real = threading.Thread.start

        def start(thread: threading.Thread) -> None:
            for name, left in self.failures.items():
                if left and thread.name.startswith(name):
                    self.failures[name] -= 1
                    raise RuntimeError("can't start new thread")
            real(thread)

        monkeypatch.setattr(threading.Thread, "start", start)


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> Scarce:
    return Scarce(monkeypatch)


@pytest.fixture
def feed() -> Iterator[FakeFeed]:
    with FakeFeed() as feed:
        yield feed


class Ours:
    """Our threads that have begun since, by name."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())

    def __call__(self) -> list[str]:
        new = set(threading.enumerate()) - self._before
        return sorted(thread.name for thread in new if thread.name.startswith("crossfade"))


@pytest.mark.parametrize("thread", ["crossfade-feed", "crossfade-reports"])
def test_a_thread_to_follow_with_that_can_t_be_had_is_asked_for_again(
    thread: str, scarce: Scarce, feed: FakeFeed
) -> None:
    scarce.failures[thread] = 1
    ours = Ours()
    events: list[Event] = []
    now = [read_clocks()]
    with Verifier(feed.feed(), AUDIENCE, on_event=events.append, clock=lambda: now[0]) as verifier:
        assert "can't start new thread" in events[0].detail
        until("nothing runs", lambda: ours() == [])
        assert verifier.verify(GOOD) == Unsure()
        assert ours() == [], "not within a second"
        now[0] = Moment(now[0].boot_ms + 1_000, now[0].wall_ms + 1_000)
        until("it follows", lambda: isinstance(verifier.verify(GOOD), Accepted))
        assert ours() == ["crossfade-feed", "crossfade-reports"]
    until("all have ended", lambda: ours() == [])


@pytest.mark.parametrize("count", [1, 2], ids=["the first", "those of its replicas too"])
def test_a_refresh_that_gets_no_thread_has_failed_and_the_next_one_works(
    count: int, scarce: Scarce, feed: FakeFeed
) -> None:
    feed.age_ms = 70_000
    with Verifier(feed.feed(), AUDIENCE) as verifier:
        until("a view", lambda: verifier.status().entries)
        until("a held question", lambda: "prefer" in feed.asked[-1])
        scarce.failures["crossfade-refresh"] = count
        assert verifier.verify_or_refresh(UNKNOWN) == Unsure()
        feed.age_ms = 0
        until("it works", lambda: verifier.verify_or_refresh(UNKNOWN) == Refused(Reason.UNKNOWN))


def test_a_source_that_gets_no_thread_hands_out_the_token_that_it_has(
    feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = Counter(feed, 0)
    source = TokenSource(Feed(feed.url, BOT), SECRET)

    async def run() -> tuple[str, str | None, str]:
        first = await source.atoken()
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "to_thread", no_thread)
            kept = await source.atoken()
            assert kept == first
            refused = await source.arefused(first)
        counter.current = token("second")
        return first, refused, await source.atoken()

    async def no_thread(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    first, refused, second = asyncio.run(run())
    assert (refused, second) == (None, counter.current)
    assert first != second


def test_a_connection_that_can_t_be_made_once_is_made_the_next_time(
    feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    real, failures = socket.create_connection, [OSError(24, "Too many open files")]

    def once(*arguments: Any, **named: Any) -> socket.socket:
        if failures:
            raise failures.pop()
        return real(*arguments, **named)

    # What the standard library's connections are made with.
    monkeypatch.setattr(socket, "create_connection", once)
    events: list[Event] = []
    with Verifier(feed.feed(), AUDIENCE, on_event=events.append) as verifier:
        until("it follows", lambda: isinstance(verifier.verify(GOOD), Accepted))
        assert "Too many open files" in events[0].detail
