"""Against the real daemon: rotations, kills, replicas, restarts."""

import os
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path

from crossfade_verify import Accepted, Feed, Reason, Refused, TokenSource, Unsure, Verifier
from daemon import Daemon
from material import AUDIENCE, VERIFIER, token
from waiting import until

ROUNDS = 30 if os.environ.get("CROSSFADE_FULL") else 3
"""Of two rotations and a kill each."""


def accepted(verifier: Verifier, presented: str) -> bool:
    return isinstance(verifier.verify(presented), Accepted)


class Load:
    """A bot that reads its token anew for each run, uses it for a while, and counts what it is told."""

    def __init__(self, verifier: Verifier, read: TokenSource) -> None:
        self.counts = {"accepted": 0, "refused": 0, "unsure": 0}
        self.tokens: set[str] = set()
        self._verifier, self._read = verifier, read
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.is_set():
            held = self._read.token()
            self.tokens.add(held)
            # A run keeps its token for longer than a rotation takes.
            ends = time.monotonic() + 0.5
            while time.monotonic() < ends and not self._ends.wait(0.001):
                verdict = self._verifier.verify_or_refresh(held)
                self.counts[type(verdict).__name__.lower()] += 1


def test_each_stage_is_accepted_and_what_is_unknown_refused(daemon: Daemon) -> None:
    with Verifier(daemon.feed(), AUDIENCE, instance="pod-1") as verifier:
        old = daemon.token()
        until("the first set", lambda: accepted(verifier, old))
        daemon.run("rotate", "mcp/slack-bot-token", "--wait")
        new = daemon.token()
        assert new != old
        until("the new one", lambda: accepted(verifier, new))
        previous = verifier.verify(old)
        assert isinstance(previous, Accepted)
        assert previous.grant.source.stage == "previous"
        assert timedelta() < previous.grant.expires_in < timedelta(seconds=60)
        assert verifier.verify_or_refresh(token("unknown")) == Refused(Reason.UNKNOWN)
        daemon.run("revoke", "mcp/slack-bot-token", "--previous", "--yes")
        until("its end", lambda: verifier.verify_or_refresh(old) == Refused(Reason.UNKNOWN))


def test_a_previous_token_ends_at_its_deadline_with_no_word_from_the_daemon(tmp_path: Path) -> None:
    with Daemon(tmp_path / "daemon", grace="5s") as daemon:
        daemon.start()
        with Verifier(daemon.feed(), AUDIENCE) as verifier:
            old = daemon.token()
            daemon.run("rotate", "mcp/slack-bot-token", "--wait")
            new = daemon.token()
            until("the new one", lambda: accepted(verifier, new))
            daemon.end()
            began = time.monotonic()
            verdict = verifier.verify(old)
            assert isinstance(verdict, Accepted)
            until("its end", lambda: verifier.verify(old) == Unsure())
            lasted = timedelta(seconds=time.monotonic() - began)
            assert lasted >= verdict.grant.expires_in, "not before its deadline"
            assert accepted(verifier, new), "the current one goes on"


def test_while_secrets_rotate_and_the_daemon_is_killed_no_rightful_token_is_refused(
    daemon: Daemon, tmp_path: Path
) -> None:
    bot = TokenSource(Feed(daemon.url, "cfc_for-the-tour-only-never-use-it-as-a-bot----2hdIHn"), "mcp/slack-bot-token")
    with Verifier(daemon.feed(), AUDIENCE, cache=tmp_path / "cache") as verifier:
        until("a token", lambda: accepted(verifier, bot.token()))
        with Load(verifier, bot) as load:
            for _ in range(ROUNDS):
                daemon.run("rotate", "mcp/slack-bot-token")
                daemon.end(signal.SIGKILL)
                time.sleep(0.5)
                daemon.start()
                daemon.run("rotate", "mcp/slack-bot-token", "--wait")
        print(f"requests of a rightful bot: {load.counts}, with {len(load.tokens)} tokens")
        assert load.counts["refused"] == 0
        assert load.counts["unsure"] == 0
        assert load.counts["accepted"] > 100
        assert len(load.tokens) > 1


def test_a_server_starts_from_its_cache_while_the_daemon_is_down(daemon: Daemon, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with Verifier(daemon.feed(), AUDIENCE, cache=cache):
        until("the cache", cache.exists)
    good = daemon.token()
    daemon.end()
    with Verifier(daemon.feed(), AUDIENCE, cache=cache) as verifier:
        assert accepted(verifier, good)
        assert verifier.verify_or_refresh(token("unknown")) == Unsure()
        daemon.start()
        until("a fresh view", lambda: verifier.verify_or_refresh(token("unknown")) == Refused(Reason.UNKNOWN))
        assert accepted(verifier, good)


def test_with_neither_feed_nor_cache_a_server_is_unsure_and_never_open(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "daemon")
    with Verifier(daemon.feed(), AUDIENCE) as verifier:
        assert verifier.verify_or_refresh(token("any")) == Unsure()


def test_when_a_replica_is_killed_the_other_is_followed(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with Daemon(tmp_path / "one", store=store) as one, Daemon(tmp_path / "other", store=store) as other:
        one.start()
        other.start()
        with Verifier(Feed([one.url, other.url], VERIFIER), AUDIENCE) as verifier:
            until("the first set", lambda: accepted(verifier, one.token()))
            one.end()
            other.run("rotate", "mcp/slack-bot-token", "--wait")
            new = other.token()
            assert isinstance(verifier.verify_or_refresh(new), Accepted)
            until("it is followed", lambda: accepted(verifier, new) and verifier.status().fresh)


def test_an_operator_sees_who_follows_and_who_used_what(daemon: Daemon) -> None:
    with Verifier(daemon.feed(), AUDIENCE, instance="pod-1") as verifier:
        until("the first set", lambda: accepted(verifier, daemon.token()))
        until("it is up to date", lambda: daemon.status()["verifiers"]["up_to_date"] == 1)

        def used_by() -> object:
            verifier.verify(daemon.token())
            return daemon.status()["versions"][0].get("last_used_by")

        until("its use", lambda: used_by() == "slack-mcp-server/pod-1")
