"""What was decided is reported: every 10 s, and once at the end."""

import json
import threading

import pytest

from crossfade_verify import Event, Kind, Verifier, _reporter
from crossfade_verify._credential import Unfit
from fake_feed import FakeFeed
from material import AUDIENCE, token
from waiting import until

GOOD, OTHER = token("current"), token("other")


def test_what_was_decided_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reporter, "EVERY_S", 0.05)
    with FakeFeed(longest_hold_s=0.1) as feed, Verifier(feed.feed(), AUDIENCE, instance="pod-1") as verifier:
        until("the first set", lambda: verifier.status().entries is not None)
        threads = [threading.Thread(target=lambda: [verifier.verify(GOOD) for _ in range(500)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        verifier.verify(OTHER)
        verifier._counted_as(Unfit.MISSING)
        verifier.close()
        bodies = [json.loads(body) for body in feed.reports]
    assert {(body["audience"], body["instance"]) for body in bodies} == {(AUDIENCE, "pod-1")}
    sums: dict[tuple[str | None, str], int] = {}
    for row in (row for body in bodies for row in body["counts"]):
        assert 0 <= row["last_ms_ago"] < 60_000
        key = (row["version"], row["verdict"])
        sums[key] = sums.get(key, 0) + row["count"]
    assert sums == {("version-of-current", "accepted"): 2000, (None, "unknown"): 1, (None, "missing"): 1}


def test_counts_that_were_not_taken_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reporter, "EVERY_S", 0.05)
    events: list[Event] = []
    with FakeFeed(longest_hold_s=0.1) as feed, Verifier(feed.feed(), AUDIENCE, on_event=events.append) as verifier:
        until("the first set", lambda: verifier.status().entries is not None)
        feed.respond = lambda handler: handler.command == "POST" and handler.reply(503, {})
        verifier.verify(GOOD)
        until("a failure", lambda: any(event.kind is Kind.REPORT_FAILED for event in events))
        feed.respond = lambda handler: False
        until("the report", lambda: feed.reports)
        assert json.loads(feed.reports[0])["counts"][0]["count"] == 1


@pytest.mark.parametrize("status", [400, 413])
def test_a_report_that_can_t_be_read_is_dropped_and_what_comes_after_is_sent(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_reporter, "EVERY_S", 0.05)
    events: list[Event] = []
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, on_event=events.append) as verifier:
        until("the first set", lambda: verifier.status().entries is not None)
        feed.respond = lambda handler: handler.command == "POST" and handler.reply(status, {})
        verifier.verify(GOOD)
        until("a failure", lambda: any("is dropped" in event.detail for event in events))
        feed.respond = lambda handler: False
        verifier.verify(OTHER)
        until("the report", lambda: feed.reports)
        assert [row["verdict"] for row in json.loads(feed.reports[0])["counts"]] == ["unknown"]


def test_the_first_report_is_not_sent_at_once_and_the_last_one_at_the_close() -> None:
    with FakeFeed(longest_hold_s=0.05) as feed:
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("the first set", lambda: verifier.status().entries is not None)
            verifier.verify(GOOD)
            asked = len(feed.asked)
            until("some more questions", lambda: len(feed.asked) > asked + 3)
            assert feed.reports == []
        assert len(feed.reports) == 1
