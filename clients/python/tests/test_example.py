"""The example, as its own process, driven by the official client, with the real daemon."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import SECRET, Daemon
from material import AUDIENCE, ROOT, VERIFIER, token
from mcp_client import bearer, called, status_of
from waiting import until

EXAMPLE = ROOT / "examples" / "python" / "server.py"


class Example:
    def __init__(self, url: str, cache: Path) -> None:
        environment = {
            "LISTEN": "127.0.0.1:0",
            "CROSSFADE_URL": url,
            "CROSSFADE_CREDENTIAL": VERIFIER,
            "CROSSFADE_AUDIENCE": AUDIENCE,
            "CROSSFADE_CACHE": str(cache),
            "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        }
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLE)], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith("listening on http://127.0.0.1:"), said
        self.url = said.removeprefix("listening on ").strip()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def example(daemon: Daemon, tmp_path: Path) -> Iterator[Example]:
    example = Example(daemon.url, tmp_path / "cache")
    try:
        yield example
    finally:
        example.end()


def test_the_official_client_lists_and_calls_a_tool_with_each_stage_of_a_token(
    daemon: Daemon, example: Example
) -> None:
    def who(token: str, stage: str) -> None:
        tools, said = called(example.url, {**bearer(token), "Slack-User-Token": "xoxp-1"})
        assert tools == ["search-slack-messages", "whoami"]
        assert said.pop("version") in daemon.run("status", SECRET, "-o", "json")
        assert said == {
            "client_id": "slack-bot",
            "stage": stage,
            "slack_user_token_present": True,
            "authorization_seen": False,
        }

    old = daemon.token()
    who(old, "current")
    daemon.run("rotate", SECRET, "--wait")
    new = daemon.token()
    who(old, "previous")
    who(new, "current")
    _, said = called(example.url, {"mcp-access-token": new})
    assert not said["authorization_seen"]
    assert not said["slack_user_token_present"]


def test_nobody_is_let_in_whom_dns_or_a_page_from_elsewhere_has_led_here(daemon: Daemon, example: Example) -> None:
    until("it knows", lambda: status_of(example.url, bearer(daemon.token())) == 200)
    assert status_of(example.url, {**bearer(daemon.token()), "Host": "evil.example.com"}) == 421
    assert status_of(example.url, {**bearer(daemon.token()), "Origin": "http://evil.example.com"}) == 403


def test_without_a_token_or_with_a_wrong_one_nobody_gets_in(daemon: Daemon, example: Example) -> None:
    until("it knows", lambda: status_of(example.url, bearer(daemon.token())) == 200)
    assert status_of(example.url, {}) == 401
    assert status_of(example.url, bearer(token("wrong"))) == 401
    assert status_of(example.url, {**bearer(daemon.token()), "mcp-access-token": token("wrong")}) == 401


def test_it_starts_again_from_its_cache_while_the_daemon_is_down(
    daemon: Daemon, example: Example, tmp_path: Path
) -> None:
    good = daemon.token()
    assert status_of(example.url, bearer(good)) == 200
    until("the cache", (tmp_path / "cache").exists)
    example.end()
    daemon.end()
    again = Example(daemon.url, tmp_path / "cache")
    try:
        assert status_of(again.url, bearer(good)) == 200
        assert status_of(again.url, bearer(token("wrong"))) == 503
    finally:
        again.end()
