"""After a fork, as under a server that loads the application first: the child follows the feed on its own."""

import json
import os
import traceback
from collections.abc import Callable

from crossfade_verify import Accepted, Reason, Refused, Verifier
from crossfade_verify._gate import Why
from fake_feed import FakeFeed
from material import AUDIENCE, accept_set, entry, token
from waiting import until

GOOD, OTHER = token("current"), token("other")


def in_a_child(what: Callable[[], None]) -> int:
    """Run it in a forked child; how that ended."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            what()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def ended_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_child_knows_what_its_parent_knew_and_then_follows_by_itself() -> None:
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, instance="pod-1") as verifier:
        until("a held question", lambda: feed.asked and "prefer" in feed.asked[-1])
        verifier.verify(GOOD)

        def child() -> None:
            assert verifier.counts() == {}, "the parent's are the parent's to report"
            assert isinstance(verifier.verify(GOOD), Accepted)
            until("the next set", lambda: isinstance(verifier.verify(OTHER), Accepted))
            verifier.close()

        forked = in_a_child(child)
        until("two that follow", lambda: len({asked["crossfade-instance"] for asked in feed.asked}) == 2)
        names = {asked["crossfade-instance"] for asked in feed.asked}
        assert names == {"pod-1", f"pod-1-{forked}"}
        feed.publish(accept_set(entry("current"), entry("other", "pending")))
        assert ended_well(forked)
        until("the parent goes on", lambda: isinstance(verifier.verify(OTHER), Accepted))
        verifier.close()
        reports = [json.loads(body) for body in feed.reports]
        counts = {
            (report["instance"], row["version"])
            for report in reports
            for row in report["counts"]
            if row["verdict"] == "accepted"
        }
        assert counts == {(name, f"version-of-{seed}") for name in names for seed in ("current", "other")}


def test_a_child_that_ends_leaves_its_parents_connection_alone() -> None:
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE) as verifier:
        until("a held question", lambda: feed.asked and "prefer" in feed.asked[-1])
        asked = len(feed.asked)
        # Through the interpreter's own end, where what is registered for it runs.
        child = os.fork()
        if child == 0:
            import atexit

            atexit._run_exitfuncs()
            os._exit(0)
        assert ended_well(child)
        feed.publish(accept_set(entry("current"), entry("other", "pending")))
        until("the next set", lambda: isinstance(verifier.verify(OTHER), Accepted))
        # The one that was held, and the next: none was cut off and asked anew.
        until("the next question", lambda: len(feed.asked) == asked + 1)


def test_a_child_that_never_asked_may_close() -> None:
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE) as verifier:
        assert ended_well(in_a_child(verifier.close))


def test_a_fork_in_the_middle_of_a_refresh_leaves_no_lock_behind() -> None:
    with FakeFeed() as feed:
        feed.age_ms = 70_000
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a view", lambda: verifier.status().entries is not None)

            def child() -> None:
                feed_is_fresh_by_now = verifier.verify_or_refresh(OTHER)
                assert feed_is_fresh_by_now == Refused(Reason.UNKNOWN)

            link = verifier._link
            assert link is not None
            assert link.refresher.ask(Why.UNSURE) is not None
            with verifier._starting, verifier._views._lock, link.refresher._lock:
                feed.age_ms = 0
                forked = in_a_child(child)
            assert ended_well(forked)
