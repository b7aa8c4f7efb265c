"""Following the feed: what is applied, what is dropped, and what a bad answer changes: nothing."""

import json
import socket
import threading
import time
from collections.abc import Callable

import pytest

from crossfade_verify import (
    Accepted,
    Event,
    Feed,
    Kind,
    Moment,
    Reason,
    Refused,
    Unsure,
    Verifier,
    View,
    _exchange,
    _follower,
    parse_accept_set,
)
from crossfade_verify._timing import Dropped
from crossfade_verify._views import Applied, Views
from fake_feed import FakeFeed, Handler
from material import AUDIENCE, VERIFIER, accept_set, entry, token
from waiting import until

GOOD, OTHER = token("current"), token("other")


def accepted(verifier: Verifier, presented: str) -> bool:
    return isinstance(verifier.verify(presented), Accepted)


def view_of(verifier: Verifier) -> View:
    view = verifier._views.view
    assert view is not None
    return view


def test_a_set_is_applied_and_the_next_one_comes_at_once() -> None:
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, instance="pod-1") as verifier:
        until("the first set", lambda: accepted(verifier, GOOD))
        assert verifier.verify(OTHER) == Refused(Reason.UNKNOWN)
        until("a held question", lambda: "prefer" in feed.asked[-1])
        feed.publish(accept_set(entry("current"), entry("other", "pending")))
        until("the next set", lambda: accepted(verifier, OTHER))
        until("the acknowledgement", lambda: len(feed.asked) == 3)
        first, second, third = feed.asked
        assert "if-none-match" not in first
        assert second["if-none-match"] != third["if-none-match"]
        assert {asked["crossfade-instance"] for asked in feed.asked} == {"pod-1"}
        assert {asked["authorization"] for asked in feed.asked} == {f"Bearer {VERIFIER}"}
        assert len({asked["crossfade-nonce"] for asked in feed.asked}) == 3


def test_a_version_that_is_absent_is_gone() -> None:
    with FakeFeed(accept_set(entry("current"), entry("other"))) as feed, Verifier(feed.feed(), AUDIENCE) as verifier:
        until("the first set", lambda: accepted(verifier, OTHER))
        feed.publish(accept_set(entry("current")))
        until("the next set", lambda: verifier.verify(OTHER) == Refused(Reason.UNKNOWN))


def test_what_stays_the_same_renews_the_view() -> None:
    with (
        FakeFeed(accept_set(entry("current"), freshness_ms=1000)) as feed,
        Verifier(feed.feed(), AUDIENCE) as verifier,
    ):
        until("a first view", lambda: verifier.status().entries is not None)
        first = view_of(verifier)
        until("a later one", lambda: view_of(verifier).place_ms() > first.place_ms() + 900)
        assert view_of(verifier).set is first.set


def test_without_a_view_nothing_is_known_but_what_is_malformed() -> None:
    with FakeFeed() as feed:
        feed.respond = lambda handler: handler.reply(503, {})
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            assert verifier.verify(GOOD) == Unsure()
            assert verifier.verify_or_refresh(GOOD) == Unsure()
            assert verifier.verify("short") == Refused(Reason.MALFORMED)
            assert verifier.verify("gültig-ist-das-nicht-und-war-es-nie") == Refused(Reason.MALFORMED)


def raw(answer: bytes) -> Callable[[Handler], bool]:
    def respond(handler: Handler) -> bool:
        handler.wfile.write(answer)
        handler.close_connection = True
        return True

    return respond


def answering(status: int = 200, headers: dict[str, str] | None = None) -> Callable[[Handler], bool]:
    return lambda handler: handler.answer(status, headers=headers)


def other_set(text: str) -> Callable[[Handler], bool]:
    def respond(handler: Handler) -> bool:
        handler.server.feed.text = text
        handler.answer(200)
        return True

    return respond


def other_nonce(handler: Handler) -> bool:
    """As a cache would answer that has kept one."""
    handler.headers.replace_header("Crossfade-Nonce", "of-another-request")
    return handler.answer(200)


WHOLE = json.loads(accept_set(entry("current")))

BAD_ANSWERS = [
    ("garbage", raw(b"\x00\x01 no HTTP at all\r\n\r\n"), Kind.FAILED),
    ("nothing", raw(b""), Kind.FAILED),
    ("a status of another world", raw(b"HTTP/1.1 999999 x\r\n\r\n"), Kind.FAILED),
    ("too many headers", raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n"), Kind.FAILED),
    ("a length that lies", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), Kind.FAILED),
    ("a length over the limit", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), Kind.FAILED),
    ("a redirect", answering(307, {"Location": "http://127.0.0.1:1/"}), Kind.FAILED),
    ("a page of a proxy", lambda handler: handler.reply(200, {}, b"<html>"), Kind.FAILED),
    ("a wrong credential", lambda handler: handler.reply(401, {}), Kind.FAILED),
    ("an error", lambda handler: handler.reply(500, {}, b"{}"), Kind.FAILED),
    ("a 304 for another tag", answering(304, {"ETag": '"another"'}), Kind.FAILED),
    ("no tag", answering(headers={"ETag": ""}), Kind.FAILED),
    ("another nonce", other_nonce, Kind.DROPPED),
    ("no timing", answering(headers={"Crossfade-Timing": ""}), Kind.DROPPED),
    ("no JSON", other_set("{"), Kind.REJECTED),
    ("a wrong audience", other_set(json.dumps({**WHOLE, "audience": "https://other.example.com"})), Kind.REJECTED),
    ("an unknown format", other_set(json.dumps({**WHOLE, "format": 2})), Kind.REJECTED),
    ("a digest twice", other_set(json.dumps({**WHOLE, "entries": WHOLE["entries"] * 2})), Kind.REJECTED),
]


@pytest.mark.parametrize(("what", "respond", "kind"), BAD_ANSWERS, ids=[what for what, _, _ in BAD_ANSWERS])
def test_after_a_bad_answer_the_last_good_set_stays(what: str, respond: Callable[[Handler], bool], kind: Kind) -> None:
    events: list[Event] = []
    with FakeFeed(longest_hold_s=0.2) as feed, Verifier(feed.feed(), AUDIENCE, on_event=events.append) as verifier:
        until("the first set", lambda: accepted(verifier, GOOD))
        before = view_of(verifier)
        good = feed.text
        feed.respond = respond
        until(f"word of {what}", lambda: any(event.kind is kind for event in events))
        assert accepted(verifier, GOOD)
        assert view_of(verifier).set is before.set
        assert VERIFIER not in repr(events)
        feed.text = good
        feed.respond = lambda handler: False
        place_ms = view_of(verifier).place_ms()
        until("it goes on", lambda: view_of(verifier).place_ms() > place_ms)


def test_an_answer_that_trickles_in_has_a_deadline_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_follower, "ANSWER_S", 0.3)
    ends = threading.Event()

    def trickle(handler: Handler) -> bool:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not ends.wait(0.05):
            handler.wfile.write(b" ")
        return True

    events: list[Event] = []
    with FakeFeed() as feed:
        feed.respond = trickle
        with Verifier(feed.feed(), AUDIENCE, on_event=events.append):
            until("a time-out", lambda: any("no answer in" in event.detail for event in events))
            ends.set()
            feed.respond = lambda handler: False


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_exchange, "MAX_BYTES", 10_000)
    events: list[Event] = []
    with FakeFeed() as feed:
        feed.respond = raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * 50_000)
        with Verifier(feed.feed(), AUDIENCE, on_event=events.append) as verifier:
            until("an error", lambda: any("more than 10000 bytes" in event.detail for event in events))
            assert verifier.status().entries is None


def test_an_older_view_is_dropped_and_another_replica_asked_after_a_second() -> None:
    newest = accept_set(entry("current"))
    events: list[Event] = []
    with FakeFeed(newest, longest_hold_s=0.1) as ahead, FakeFeed(accept_set(entry("other"))) as behind:
        behind.behind_ms = 3_600_000
        feed = Feed([ahead.url, behind.url], VERIFIER)
        with Verifier(feed, AUDIENCE, on_event=events.append) as verifier:
            until("the newer set", lambda: accepted(verifier, GOOD))
            asked = len(ahead.asked)
            # Something makes it turn to the other replica.
            ahead.respond = lambda handler: handler.reply(500, {})
            until("the older one is dropped", lambda: any(event.kind is Kind.DROPPED for event in events))
            ahead.respond = lambda handler: False
            began = time.monotonic()
            assert any(event.detail.endswith("older") for event in events)
            until("the first is asked again", lambda: len(ahead.asked) > asked + 1)
            assert time.monotonic() - began > 0.5
            assert accepted(verifier, GOOD)
            assert verifier.verify(OTHER) == Refused(Reason.UNKNOWN)


def test_replicas_with_other_sets_behind_one_url_are_not_asked_without_end() -> None:
    """Each answer brings another set, and is not held."""
    sets = [accept_set(entry("current")), accept_set(entry("other"))]
    with FakeFeed() as feed:

        def the_other(handler: Handler) -> bool:
            feed.text = sets[len(feed.asked) % 2]
            return handler.answer(200)

        feed.respond = the_other
        with Verifier(feed.feed(), AUDIENCE):
            until("some polls", lambda: len(feed.asked) >= 4)
            asked = len(feed.asked)
            time.sleep(2)
            assert len(feed.asked) - asked <= 20


def test_an_older_304_renews_nothing() -> None:
    events: list[Event] = []
    with FakeFeed(longest_hold_s=0.1) as feed, Verifier(feed.feed(), AUDIENCE, on_event=events.append) as verifier:
        until("a first view", lambda: verifier.status().entries is not None)
        feed.behind_ms = 10_000
        until("it is dropped", lambda: any(event.kind is Kind.DROPPED for event in events))
        place_ms = view_of(verifier).place_ms()
        feed.behind_ms = -1_000
        until("a newer one counts", lambda: view_of(verifier).place_ms() > place_ms)


def test_of_two_threads_the_one_with_the_older_view_loses() -> None:
    read = parse_accept_set(accept_set(entry("current")).encode(), AUDIENCE)
    newer, older = (Applied(View(read, now_ms, 0, Moment(0, 0)), None) for now_ms in (1000, 999))
    views = Views(newer)
    with pytest.raises(Dropped):
        views.apply(older)
    assert views.applied is newer


def test_after_a_failure_the_next_question_is_not_held() -> None:
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE) as verifier:
        until("a held question", lambda: feed.asked and "prefer" in feed.asked[-1])
        feed.respond = lambda handler: handler.reply(503, {})
        failed = len(feed.asked)
        # Ends the held one; that its successor fails is what counts.
        feed.publish(accept_set(entry("other")))
        until("failures", lambda: len(feed.asked) > failed + 1)
        assert "prefer" in feed.asked[failed]
        assert "prefer" not in feed.asked[failed + 1]
        feed.respond = lambda handler: False
        until("a held question again", lambda: "prefer" in feed.asked[-1])
        assert accepted(verifier, OTHER)


def test_a_replica_that_is_gone_leaves_the_others() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with FakeFeed() as feed, Verifier(Feed([nobody, feed.url], VERIFIER), AUDIENCE) as verifier:
            until("a set", lambda: accepted(verifier, GOOD))


def test_a_hook_that_fails_harms_nothing() -> None:
    def fail(event: Event) -> None:
        raise RuntimeError("a fault of the hook's")

    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, on_event=fail) as verifier:
        until("a set", lambda: accepted(verifier, GOOD))


def test_a_verifier_that_is_let_go_ends_its_thread() -> None:
    before = threading.active_count()
    with FakeFeed() as feed:
        verifier = Verifier(feed.feed(), AUDIENCE)
        until("a held question", lambda: feed.asked and "prefer" in feed.asked[-1])
        del verifier
        until("its end", lambda: not any(thread.name == "crossfade-feed" for thread in threading.enumerate()))
    until("no thread is left", lambda: threading.active_count() <= before)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://crossfade.internal:8750", "danger_allow_plaintext"),
        ("http://10.0.0.1", "danger_allow_plaintext"),
        ("http://127.0.0.1.example.com", "danger_allow_plaintext"),
        ("ftp://127.0.0.1", "begins with https"),
        ("https://", "begins with https"),
        ("https://id:password@crossfade.internal", "no user"),
        ("https://crossfade.internal?a=b", "no query"),
    ],
)
def test_a_url_that_can_t_be_trusted_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        Feed(url, VERIFIER)
    assert "password" not in str(refused.value)


def test_plain_http_is_for_loopback_or_for_those_who_want_the_danger() -> None:
    for url in ("http://127.0.0.1:8750", "http://[::1]:8750", "http://localhost"):
        Feed(url, VERIFIER)
    feed = Feed("http://crossfade.internal", VERIFIER, danger_allow_plaintext=True)
    assert VERIFIER not in repr(feed)


@pytest.mark.parametrize(
    "credential", ["", "short", "cfc_with a space in it", "cfc_with-a-line\r\nfeed: in-it", "ü" * 20]
)
def test_a_credential_that_can_t_be_sent_is_refused_and_not_shown(credential: str) -> None:
    with pytest.raises(ValueError, match="credential") as refused:
        Feed("https://crossfade.internal", credential)
    assert not credential or credential not in str(refused.value)
