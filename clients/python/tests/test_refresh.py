"""A request that needs a younger view waits for one: 2 s at most, and all of them for the same."""

import threading
import time

from crossfade_verify import Accepted, Reason, Refused, Unsure, Verifier
from fake_feed import FakeFeed, Handler
from material import AUDIENCE, token
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
