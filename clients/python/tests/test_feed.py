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
        until("a first view", lambda: verifier.view is not None)
        first = verifier.view
        assert first is not None
        until("a later one", lambda: verifier.view is not None and verifier.view.place_ms() > first.place_ms() + 900)
        assert verifier.view is not None
        assert verifier.view.set is first.set


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
        before = verifier.view
        good = feed.text
        feed.respond = respond
        until(f"word of {what}", lambda: any(event.kind is kind for event in events))
        assert accepted(verifier, GOOD)
        assert before is not None
        assert verifier.view is not None
        assert verifier.view.set is before.set
        assert VERIFIER not in repr(events)
        feed.text = good
        feed.respond = lambda handler: False
        place_ms = verifier.view.place_ms()
        until("it goes on", lambda: verifier.view is not None and verifier.view.place_ms() > place_ms)


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
            assert verifier.view is None


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


def test_an_older_304_renews_nothing() -> None:
    events: list[Event] = []
    with FakeFeed(longest_hold_s=0.1) as feed, Verifier(feed.feed(), AUDIENCE, on_event=events.append) as verifier:
        until("a first view", lambda: verifier.view is not None)
        feed.behind_ms = 10_000
        until("it is dropped", lambda: any(event.kind is Kind.DROPPED for event in events))
        view = verifier.view
        assert view is not None
        feed.behind_ms = -1_000
        until("a newer one counts", lambda: verifier.view is not None and verifier.view.place_ms() > view.place_ms())


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


def test_an_unknown_token_refreshes_a_view_that_is_not_fresh_and_garbage_no_more_than_once_a_second() -> None:
    with FakeFeed() as feed:
        feed.age_ms = 70_000
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a view", lambda: verifier.view is not None)
            assert verifier.verify(OTHER) == Unsure()
            assert accepted(verifier, GOOD)
            until("a held question", lambda: "prefer" in feed.asked[-1])
            asked = len(feed.asked)
            began = time.monotonic()
            for number in range(300):
                assert verifier.verify_or_refresh(token(f"garbage-{number}")) == Unsure()
            refreshes = len(feed.asked) - asked
            assert 1 <= refreshes <= 1 + (time.monotonic() - began)
            feed.age_ms = 0
            until("a refresh", lambda: verifier.verify_or_refresh(OTHER) == Refused(Reason.UNKNOWN))
            assert verifier.counts()[None, "unsure"] >= 300


def test_those_who_need_a_refresh_at_the_same_time_share_one() -> None:
    with FakeFeed() as feed:
        feed.age_ms = 70_000
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a held question", lambda: feed.asked and "prefer" in feed.asked[-1])
            asked = len(feed.asked)

            def slow_and_fresh(handler: Handler) -> bool:
                time.sleep(0.3)
                feed.age_ms = 0
                return False

            feed.respond = slow_and_fresh
            verdicts: list[object] = []
            threads = [
                threading.Thread(target=lambda: verdicts.append(verifier.verify_or_refresh(OTHER))) for _ in range(20)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert verdicts == [Refused(Reason.UNKNOWN)] * 20
            assert len(feed.asked) == asked + 1


def test_a_request_waits_for_a_refresh_two_seconds_at_most() -> None:
    ends = threading.Event()
    with FakeFeed() as feed:
        feed.respond = lambda handler: ends.wait(30) and False
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            began = time.monotonic()
            assert verifier.verify_or_refresh(GOOD) == Unsure()
            took = time.monotonic() - began
            ends.set()
            assert 1 < took < 10


def test_what_was_decided_is_reported_once() -> None:
    with FakeFeed(longest_hold_s=0.1) as feed, Verifier(feed.feed(), AUDIENCE, instance="pod-1") as verifier:
        until("the first set", lambda: verifier.view is not None)
        threads = [threading.Thread(target=lambda: [verifier.verify(GOOD) for _ in range(500)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        verifier.verify(OTHER)
        verifier.count(Reason.MISSING)
        verifier.close()
        bodies = [json.loads(body) for body in feed.reports]
    assert {(body["audience"], body["instance"]) for body in bodies} == {(AUDIENCE, "pod-1")}
    sums: dict[tuple[str | None, str], int] = {}
    for row in (row for body in bodies for row in body["counts"]):
        assert 0 <= row["last_ms_ago"] < 60_000
        key = (row["version"], row["verdict"])
        sums[key] = sums.get(key, 0) + row["count"]
    assert sums == {("version-of-current", "accepted"): 2000, (None, "unknown"): 1, (None, "missing"): 1}


def test_counts_that_were_not_taken_are_sent_again() -> None:
    events: list[Event] = []
    with FakeFeed(longest_hold_s=0.1) as feed, Verifier(feed.feed(), AUDIENCE, on_event=events.append) as verifier:
        until("the first set", lambda: verifier.view is not None)
        feed.respond = lambda handler: handler.command == "POST" and handler.reply(503, {})
        verifier.verify(GOOD)
        until("a failure", lambda: any(event.kind is Kind.REPORT_FAILED for event in events))
        feed.respond = lambda handler: False
        until("the report", lambda: feed.reports)
        assert json.loads(feed.reports[0])["counts"][0]["count"] == 1


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
