"""A bot's token: kept, asked for anew, and handed out while the daemon is down."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from crossfade_verify import Event, Feed, Moment, TokenSource, TokenUnavailableError, read_clocks
from daemon import SECRET, Daemon
from fake_feed import FakeFeed, Handler
from material import AUDIENCE, BOT, VERIFIER, token
from waiting import until


class Counter:
    """Hands out tokens, as the daemon does."""

    def __init__(self, feed: FakeFeed, refresh_after_ms: int) -> None:
        self.current, self.status, self.refresh_after_ms = token("first"), 200, refresh_after_ms
        feed.respond = self.respond

    def respond(self, handler: Handler) -> bool:
        assert handler.path == "/v1/token?secret=mcp%2Fslack-bot-token"
        body: dict[str, Any] = {"token": self.current, "version": "v", "client_id": "slack-bot", "audience": AUDIENCE}
        body["refresh_after_ms"] = self.refresh_after_ms
        return handler.reply(self.status, {}, json.dumps(body).encode())


def source(feed: FakeFeed, events: list[Event] | None = None) -> TokenSource:
    return TokenSource(Feed(feed.url, BOT), SECRET, on_event=None if events is None else events.append)


def test_a_token_is_kept_until_it_is_due() -> None:
    with FakeFeed() as feed:
        counter = Counter(feed, 60_000)
        bot = source(feed)
        assert {bot.token() for _ in range(10)} == {counter.current}
        assert len(feed.asked) == 1
        assert feed.asked[0]["authorization"] == f"Bearer {BOT}"
        assert BOT not in repr(bot)


def test_a_token_that_is_due_is_asked_for_anew() -> None:
    with FakeFeed() as feed:
        counter = Counter(feed, 0)
        bot = source(feed)
        first = bot.token()
        counter.current = token("second")
        assert bot.token() == counter.current != first


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets so many milliseconds pass."""
    passed = [0]

    def clocks() -> Moment:
        now = read_clocks()
        return Moment(now.boot_ms + passed[0], now.wall_ms + passed[0])

    def later(ms: int) -> None:
        passed[0] += ms

    monkeypatch.setattr("crossfade_verify._source.read_clocks", clocks)
    return later


def test_after_a_401_it_is_asked_for_once(later: Callable[[int], None]) -> None:
    with FakeFeed() as feed:
        counter = Counter(feed, 60_000)
        bot = source(feed)
        first = bot.token()
        later(1_000)
        assert bot.refused(first) is None, "the same one would be refused again"
        counter.current = token("second")
        later(1_000)
        assert bot.refused(first) == counter.current
        asked = len(feed.asked)
        assert bot.refused(first) == counter.current, "another run has asked already"
        assert len(feed.asked) == asked


def test_a_server_that_refuses_each_token_makes_one_question_a_second(later: Callable[[int], None]) -> None:
    with FakeFeed() as feed:
        Counter(feed, 60_000)
        bot = source(feed)
        first = bot.token()
        for seconds in range(3):
            assert [bot.refused(first) for _ in range(20)] == [None] * 20
            assert len(feed.asked) == 1 + seconds
            later(1_000)


def test_while_one_asks_for_a_refused_token_the_others_have_the_last_one_and_its_sharers_wait_for_the_same(
    later: Callable[[int], None],
) -> None:
    with FakeFeed() as feed:
        counter = Counter(feed, 60_000)
        bot = source(feed)
        first = bot.token()
        later(1_000)
        ends = threading.Event()
        feed.respond = lambda handler: ends.wait(60) and counter.respond(handler)
        newer: list[str | None] = []
        runs = [threading.Thread(target=lambda: newer.append(bot.refused(first))) for _ in range(5)]
        for run in runs:
            run.start()
        until("a question", lambda: len(feed.asked) == 2)
        began = time.monotonic()
        assert [bot.token() for _ in range(5)] == [first] * 5
        later(60_000)
        assert bot.token() == first, "though it is due: one asks already"
        assert asyncio.run(bot.atoken()) == first
        assert time.monotonic() - began < 1
        counter.current = token("second")
        ends.set()
        for run in runs:
            run.join()
        assert newer == [counter.current] * 5
        assert len(feed.asked) == 2


def test_those_who_share_a_question_that_fails_make_no_other(
    later: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossfade_verify._source.random.uniform", lambda low, high: 0.0)
    with FakeFeed() as feed:
        Counter(feed, 60_000)
        bot = source(feed)
        first = bot.token()
        later(1_000)
        ends = threading.Event()
        feed.respond = lambda handler: ends.wait(60) and handler.reply(503, {})
        newer: list[str | None] = []
        runs = [threading.Thread(target=lambda: newer.append(bot.refused(first))) for _ in range(5)]
        for run in runs:
            run.start()
        until("a question", lambda: len(feed.asked) == 2)
        # For the others to come to where they wait for it.
        time.sleep(0.5)
        ends.set()
        for run in runs:
            run.join()
        assert newer == [None] * 5
        assert len(feed.asked) == 2
        assert bot.token() == first


def test_while_the_daemon_is_down_the_last_token_is_handed_out_and_the_daemon_left_in_peace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crossfade_verify._source.random.uniform", lambda low, high: 30.0)
    events: list[Event] = []
    with FakeFeed() as feed:
        counter = Counter(feed, 0)
        bot = source(feed, events)
        first = bot.token()
        counter.status = 503
        assert [bot.token() for _ in range(20)] == [first] * 20
        assert len(feed.asked) == 2
        assert "503" in events[0].detail
        assert first not in repr(events)


def handed_out(token: str) -> bytes:
    return json.dumps({"token": token, "refresh_after_ms": 1}).encode()


BAD_TOKENS = [
    "",
    "x" * 15,
    "x" * 513,
    "x" * 16 + "\r\nevil: header",
    "x" * 16 + " ",
    "x" * 16 + "\n",
    "ü" * 16,
    "x" * 16 + "\x7f",
]
BAD_BODIES = [b"", b"[]", b"{}", b"null", b'{"token":1,"refresh_after_ms":1}', handed_out("x" * 16)[:-1]]


@pytest.mark.parametrize("body", [*BAD_BODIES, *map(handed_out, BAD_TOKENS)], ids=repr)
def test_an_answer_that_is_no_token_is_an_error_that_shows_nothing(body: bytes) -> None:
    with FakeFeed() as feed:
        feed.respond = lambda handler: handler.reply(200, {}, body)
        with pytest.raises(TokenUnavailableError, match="no token of mcp/slack-bot-token can be had"):
            source(feed).token()


@pytest.mark.parametrize("good", ["x" * 16, "x" * 512, "!~" * 8])
def test_a_token_may_be_16_to_512_visible_characters(good: str) -> None:
    with FakeFeed() as feed:
        feed.respond = lambda handler: handler.reply(200, {}, handed_out(good))
        assert source(feed).token() == good


def test_many_threads_ask_once() -> None:
    with FakeFeed() as feed:
        counter = Counter(feed, 60_000)
        bot = source(feed)
        got: list[str] = []
        threads = [threading.Thread(target=lambda: got.append(bot.token())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [counter.current] * 20
        assert len(feed.asked) == 1


def test_an_event_loop_gets_it_too(daemon: Daemon) -> None:
    bot = TokenSource(Feed(daemon.url, BOT), SECRET)

    async def run() -> tuple[str, str | None]:
        first = await bot.atoken()
        return first, await bot.arefused(first)

    first = daemon.token()
    assert asyncio.run(run()) == (first, None)
    daemon.run("rotate", SECRET, "--wait")
    until("the new one", lambda: bot.refused(first) == daemon.token())


def test_a_verifiers_credential_gets_no_token(daemon: Daemon) -> None:
    with pytest.raises(TokenUnavailableError, match="another role"):
        TokenSource(Feed(daemon.url, VERIFIER), SECRET).token()
