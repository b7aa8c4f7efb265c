"""Behind the middleware an MCP session is its opener's, as it is behind the SDKs' own hooks."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_access_token
from mcp.server import MCPServer

from crossfade_verify import Verifier
from crossfade_verify.asgi import App, RequireToken
from fake_feed import FakeFeed
from material import AUDIENCE, ROOT, VERIFIER, accept_set, entry, token
from mcp_client import Sessions, bearer, called
from serving import served
from waiting import until

A, A_LATER, B = token("a"), token("a later"), token("b")
SET = accept_set(
    entry("a", "previous", 4_000_000_000_000),
    entry("a later"),
    {**entry("b"), "client_id": "other-bot", "secret": "mcp/other-bot"},
)


def sdk_server() -> App:
    server = MCPServer("test")

    @server.tool()
    def ping() -> str:
        return "pong"

    return server.streamable_http_app()


def fastmcp_server() -> App:
    server = FastMCP("test")

    @server.tool
    def whoami() -> dict[str, object]:
        access = get_access_token()
        assert access is not None
        return access.model_dump()

    return server.http_app(path="/mcp")


@pytest.fixture
def feed() -> Iterator[FakeFeed]:
    with FakeFeed(SET) as feed:
        yield feed


def is_its_openers(url: str) -> None:
    sessions = Sessions(url)
    opener, later, other = bearer(A), bearer(A_LATER), bearer(B)
    session = sessions.open(opener)
    assert sessions.lists(opener, session) == 200
    assert sessions.lists(other, session) == 404, "another bot's session"
    assert sessions.ends(other, session) == 404
    assert sessions.lists(later, session) == 200, "the same bot, with the token after"
    assert sessions.lists(other, sessions.open(other)) == 200, "one of its own"
    assert sessions.ends(later, session) == 200
    assert sessions.lists(opener, session) == 404, "ended"


@pytest.mark.parametrize("server", [sdk_server, fastmcp_server])
def test_a_session_is_its_openers_alone_and_outlives_a_rotation(feed: FakeFeed, server: Callable[[], App]) -> None:
    with Verifier(feed.feed(), AUDIENCE) as verifier, served(RequireToken(server(), verifier)) as port:
        until("a view", lambda: verifier.status().entries is not None)
        is_its_openers(f"http://127.0.0.1:{port}/mcp")


def test_in_the_example_too(feed: FakeFeed, tmp_path: Path) -> None:
    environment = {
        "LISTEN": "127.0.0.1:0",
        "CROSSFADE_URL": feed.url,
        "CROSSFADE_CREDENTIAL": VERIFIER,
        "CROSSFADE_AUDIENCE": AUDIENCE,
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
    }
    program = [sys.executable, str(ROOT / "examples" / "python" / "server.py")]
    with subprocess.Popen(
        program, env={**os.environ, **environment}, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as example:
        try:
            assert example.stdout is not None
            is_its_openers(example.stdout.readline().removeprefix("listening on ").strip())
        finally:
            example.kill()


def test_a_fastmcp_tool_learns_who_called_as_with_its_own_hook(feed: FakeFeed) -> None:
    with Verifier(feed.feed(), AUDIENCE) as verifier, served(RequireToken(fastmcp_server(), verifier)) as port:
        until("a view", lambda: verifier.status().entries is not None)
        _, access = called(f"http://127.0.0.1:{port}/mcp", bearer(B))
        assert access["client_id"] == access["subject"] == "other-bot"
        assert access["scopes"] == ["slack:search"]
        assert access["token"] == "version-of-b", "not the bearer's text"
