"""What is left of a request that is refused is read on, within bounds, so that its caller sees the answer."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from crossfade_verify import Verifier, _rest
from crossfade_verify.asgi import Message, RequireToken
from fake_feed import FakeFeed
from material import AUDIENCE
from test_left import BODY, RUNS, Run, Server

LONG = [(b"content-length", b"65537")]


@pytest.fixture(params=RUNS)
def run(request: pytest.FixtureRequest) -> Run:
    return RUNS[request.param]


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE) as verifier:
        yield verifier


def refused(run: Run, verifier: Verifier, server: Server, headers: list[tuple[bytes, bytes]], **more: Any) -> None:
    scope = {"type": "http", "headers": headers, **more}
    run(lambda: RequireToken(server.app, verifier)(scope, server.receive, server.send))


def parts(server: Server) -> list[tuple[bytes, bool]]:
    start, *bodies = server.sent
    assert start["status"] == 401
    said = [(message["body"], bool(message.get("more_body"))) for message in bodies]
    length = dict(start["headers"]).get(b"content-length")
    assert length == (None if said[0][1] else str(len(said[0][0])).encode())
    return said


@pytest.mark.parametrize(
    ("headers", "more"),
    [
        (LONG, {}),
        ([(b"content-length", b"9" * 5_000)], {}),
        ([(b"Transfer-Encoding", b"chunked")], {}),
        ([], {"http_version": "2"}),
    ],
    ids=["long", "longer", "of no length", "HTTP/2"],
)
def test_a_long_one_is_answered_first_and_the_answer_ends_when_it_was_read(
    headers: list[tuple[bytes, bytes]], more: dict[str, str], run: Run, verifier: Verifier
) -> None:
    server = Server(list(BODY))
    refused(run, verifier, server, headers, **more)
    (body, goes_on), end = parts(server)
    assert body
    assert goes_on
    assert end == (b"", False)
    assert server.messages == []


def test_a_short_one_is_read_before_it_is_answered_in_one(run: Run, verifier: Verifier) -> None:
    server = Server(list(BODY))
    refused(run, verifier, server, [(b"content-length", b"65536")])
    assert [goes_on for _, goes_on in parts(server)] == [False]
    assert server.messages == []


@pytest.mark.parametrize(
    "headers", [[], [(b"content-length", b"0")], [*LONG, (b"expect", b"100-continue")]], ids=["none", "empty", "expect"]
)
def test_nothing_is_read_where_nothing_comes(headers: list[tuple[bytes, bytes]], run: Run, verifier: Verifier) -> None:
    server = Server(list(BODY))
    refused(run, verifier, server, headers)
    assert [goes_on for _, goes_on in parts(server)] == [False]
    assert server.messages == BODY


def test_one_that_leaves_is_read_no_further(run: Run, verifier: Verifier) -> None:
    server = Server([{"type": "http.disconnect"}, *BODY])
    refused(run, verifier, server, LONG)
    assert server.messages == BODY


@pytest.mark.parametrize("length", [0, 5])
def test_no_more_is_read_than_so_many_bytes(
    length: int, run: Run, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_rest, "MOST_BYTES", 10)
    more: Message = {"type": "http.request", "body": b"x" * length, "more_body": True}
    server = Server([more] * 20)
    refused(run, verifier, server, LONG)
    assert len(server.messages) == 20 - 10 // max(1, length)
    assert parts(server)[-1] == (b"", False)


def test_no_longer_is_it_read_than_so_long(run: Run, verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rest, "LIMIT_S", 0.1)
    server = Server(BODY[:1])
    began = time.monotonic()
    refused(run, verifier, server, LONG)
    assert time.monotonic() - began < 30
    assert parts(server)[-1] == (b"", False)
