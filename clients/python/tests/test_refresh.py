"""A request that needs a younger view waits for one: 2 s at most, and all of them for the same."""

import threading
import time
from collections.abc import Callable

import pytest

from crossfade_verify import Accepted, Feed, Reason, Refused, Unsure, Verifier
from fake_feed import FakeFeed, Handler
from material import AUDIENCE, VERIFIER, accept_set, entry, token
from waiting import until

GOOD, OTHER = token("current"), token("other")


def accepted(verifier: Verifier, presented: str) -> bool:
    return isinstance(verifier.verify(presented), Accepted)


def test_an_unknown_token_refreshes_a_view_that_is_not_fresh_and_garbage_no_more_than_once_a_second() -> None:
    with FakeFeed() as feed:
        feed.age_ms = 70_000
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a view", lambda: verifier.status().entries is not None)
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


def is_held(asked: dict[str, str]) -> bool:
    return "prefer" in asked


def hangs(handler: Handler, ends: threading.Event) -> bool:
    ends.wait(60)
    return handler.reply(503, {})


@pytest.mark.parametrize("how", [hangs, lambda handler, ends: handler.reply(503, {})], ids=["hangs", "fails"])
def test_where_the_replica_that_is_followed_does_not_answer_the_next_one_does(
    how: Callable[[Handler, threading.Event], bool],
) -> None:
    ends = threading.Event()
    with FakeFeed() as followed, FakeFeed() as other:
        followed.age_ms = 70_000
        with Verifier(Feed([followed.url, other.url], VERIFIER), AUDIENCE) as verifier:
            until("a held question", lambda: followed.asked and is_held(followed.asked[-1]))
            followed.respond = lambda handler: "Prefer" not in handler.headers and how(handler, ends)
            until("it is refreshed", lambda: verifier.verify_or_refresh(OTHER) == Refused(Reason.UNKNOWN))
            ends.set()
            assert other.asked[0]["cache-control"] == "no-cache"
            assert not any(map(is_held, other.asked))
            assert len([asked for asked in followed.asked if is_held(asked)]) == 1, "the one that is held goes on"


def test_on_a_view_that_is_not_young_it_looks_before_it_accepts_and_one_who_can_t_wait_does_not() -> None:
    with FakeFeed() as feed:
        feed.age_ms = 70_000
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a held question", lambda: feed.asked and is_held(feed.asked[-1]))
            # Ended since, with no word to the one that is held.
            feed.text, feed.age_ms = accept_set(entry("other")), 0
            assert accepted(verifier, GOOD)
            assert verifier.verify_or_refresh(GOOD) == Refused(Reason.UNKNOWN)


def test_where_a_refresh_fails_what_is_known_is_accepted_and_the_next_ones_do_not_wait() -> None:
    with FakeFeed() as feed:
        feed.age_ms = 70_000
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a held question", lambda: feed.asked and is_held(feed.asked[-1]))
            feed.respond = lambda handler: handler.reply(503, {})
            asked = len(feed.asked)
            assert all(isinstance(verifier.verify_or_refresh(GOOD), Accepted) for _ in range(50))
            assert asked < len(feed.asked) < asked + 10


def test_a_young_view_costs_no_question() -> None:
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE) as verifier:
        until("a held question", lambda: feed.asked and is_held(feed.asked[-1]))
        asked = len(feed.asked)
        assert all(isinstance(verifier.verify_or_refresh(GOOD), Accepted) for _ in range(50))
        assert len(feed.asked) == asked
