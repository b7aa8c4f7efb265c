"""What a hostile feed can cost: bounded, and no more than in proportion to what it sends. Counted in operations."""

import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from crossfade_verify import Event, SetError, Verifier, _transport, parse_accept_set
from crossfade_verify._accept_set import MAX_BYTES
from crossfade_verify._token import digest_of, digest_text
from fake_feed import FakeFeed, Handler
from material import AUDIENCE, accept_set, entry, token
from waiting import until

BYTES_FOR_ONE = 40
"""How many bytes one byte of a text may take while it is read."""


def operations(what: Callable[[], object]) -> int:
    """How many calls it makes, of functions of Python's or C's."""
    count = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        what()
    finally:
        sys.setprofile(None)
    return count


def reason(text: bytes) -> str:
    with pytest.raises(SetError) as rejected:
        parse_accept_set(text, AUDIENCE)
    return rejected.value.reason


@pytest.mark.parametrize("value", [b"[],", b"{},", b"1,", b'"",', b'{"a":[', b"[1,[2,"], ids=repr)
def test_a_text_of_nothing_but_values_is_not_read(value: bytes) -> None:
    text = b'{"entries":[' + value * (MAX_BYTES // len(value) - 10)
    assert reason(text) == "too_large"
    assert operations(lambda: reason(text)) < 1_000


def test_what_is_not_read_of_a_set_costs_in_proportion() -> None:
    def reading(count: int) -> int:
        junk = '{"junk":[' + "[]," * count + "[]],"
        text = accept_set(entry("current")).replace("{", junk, 1).encode()
        return operations(lambda: parse_accept_set(text, AUDIENCE))

    assert reading(10_000) < 11 * reading(1_000)


def test_the_largest_set_that_a_daemon_could_send_is_read() -> None:
    """It is the count of marks that may refuse it; the least text of an entry has most of them."""
    least = {**entry("current"), "secret": "", "version": "", "client_id": "", "scopes": [], "created_ms": 0}
    text = accept_set({**least, "grace_ms": 0})
    start, end = text.index("[") + 1, text.rindex("]")
    marks = sum(text[start:end].count(mark) for mark in ",[{") + 1
    assert MAX_BYTES // (end - start + 1) * marks < 1 << 22


def colliding(count: int) -> list[dict[str, Any]]:
    """Entries whose digests all begin alike."""
    return [
        {**entry("current"), "digest": digest_text(bytes(8) + number.to_bytes(24, "big"))} for number in range(count)
    ]


def test_digests_that_begin_alike_cost_no_more_than_others() -> None:
    def reading(count: int) -> int:
        text = accept_set(*colliding(count)).encode()
        return operations(lambda: parse_accept_set(text, AUDIENCE))

    assert reading(5_000) < 11 * reading(500)
    read = parse_accept_set(accept_set(*colliding(5_000)).encode(), AUDIENCE)
    assert max(operations(partial(read.known.get, entry.digest)) for entry in read.entries) < 10
    assert digest_of(token("unknown").encode()) not in read.known


def bytes_in(what: Callable[[], object]) -> int:
    """How many bytes of Python's it holds at most, beyond those of before."""
    tracemalloc.start()
    try:
        what()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def skipped(value: str) -> str:
    return accept_set(entry("current")).replace("{", f'{{"skipped":{value},', 1)


@pytest.mark.parametrize(
    "text",
    [
        lambda count: skipped("[" + "[]," * count + "[]]"),
        lambda count: skipped("[" + "{}," * count + "{}]"),
        lambda count: skipped("[" + '{"a":0},' * count + "{}]"),
        lambda count: skipped("{" + "".join(f'"{at:x}":0,' for at in range(count)) + '"z":0}'),
        lambda count: skipped("[" + "".join(f"{at},1e9," for at in range(count)) + "0]"),
        lambda count: skipped('"' + "\\u0041" * count + '"'),
        lambda count: accept_set({**entry("current"), "scopes": [""] * count}),
        lambda count: accept_set(*colliding(count // 20)),
    ],
    ids=["arrays", "objects", "members", "keys", "numbers", "escapes", "scopes", "digests"],
)
def test_what_is_read_takes_memory_in_proportion(text: Callable[[int], str]) -> None:
    sent = text(20_000).encode()

    def read() -> None:
        try:
            parse_accept_set(sent, AUDIENCE)
        except SetError:
            pass

    assert bytes_in(read) < BYTES_FOR_ONE * len(sent)


def in_pieces(handler: Handler) -> bool:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    handler.wfile.write(b"1\r\n \r\n" * 100_000)
    return True


def in_heads(handler: Handler) -> bool:
    handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000)
    return True


def in_trailers(handler: Handler) -> bool:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    handler.wfile.write(b"a: b\r\n" * 100_000)
    return True


@pytest.mark.parametrize(
    ("respond", "why"),
    [(in_pieces, "pieces"), (in_heads, "larger than any"), (in_trailers, "larger than any")],
    ids=["pieces", "heads", "trailers"],
)
def test_an_answer_that_never_comes_to_its_point_is_given_up(
    respond: Callable[[Handler], bool], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_transport, "_MOST_PIECES", 1_000)
    monkeypatch.setattr("crossfade_verify._exchange.MAX_BYTES", 10_000)
    events: list[Event] = []
    with FakeFeed() as feed:
        feed.respond = respond
        with Verifier(feed.feed(), AUDIENCE, on_event=events.append):
            until("it is given up", lambda: any(why in event.detail for event in events))
