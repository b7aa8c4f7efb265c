"""The samples of the README, run."""

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastmcp import FastMCP
from mcp.server import MCPServer

from crossfade_verify import Accepted, Verifier
from daemon import Daemon
from material import BOT, ROOT, VERIFIER, token
from mcp_client import Sessions, bearer, status_of
from serving import served
from waiting import until

README = (ROOT / "clients" / "python" / "README.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_each_sample_runs_and_does_what_is_said_of_it(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSFADE_CREDENTIAL", VERIFIER)
    monkeypatch.setenv("CROSSFADE_BOT_CREDENTIAL", BOT)
    called: list[str] = []

    def call_the_server(token: str) -> int:
        called.append(token)
        return 401

    place: dict[str, Any] = {
        "mcp": FastMCP("the user's"),
        "presented": token("unknown"),
        "call_the_server": call_the_server,
    }
    samples = (here(sample, daemon, tmp_path) for sample in SAMPLES)
    five_lines, other, sdk, fastmcp, introspection, bot, cors, proxied = samples
    exec(five_lines, place)
    verifier = place["verifier"]
    assert isinstance(verifier, Verifier)
    with verifier:
        good = daemon.token()
        until("a view", lambda: isinstance(verifier.verify(good), Accepted))
        with served(place["app"]) as port:
            url = f"http://127.0.0.1:{port}/mcp"
            assert statuses(url, bearer(good), {"mcp-access-token": good}, {}) == [200, 200, 401]
        for sample in (sdk, fastmcp, introspection):
            exec(sample, place)
            server = place["server"]
            app = server.streamable_http_app() if isinstance(server, MCPServer) else server.http_app()
            with served(app) as port:
                url = f"http://127.0.0.1:{port}/mcp"
                assert statuses(url, bearer(good), bearer(token("unknown")), {}) == [200, 401, 401]
        exec(other, place)
        assert place["answer"] == (401, "unknown")
        place["presented"] = good
        exec(other, place)
        assert place["answer"] == (200, "slack-bot")
        exec(bot, place)
        assert called == [good], "the same one is not tried again"
        exec(cors, place)
        with served(place["app"]) as port:
            a_page_may_call(f"http://127.0.0.1:{port}/mcp", good)
        exec(proxied, place)
        with served(place["behind_a_proxy"]) as port:
            a_session_is_its_callers(f"http://127.0.0.1:{port}/mcp")


def a_page_may_call(url: str, token: str) -> None:
    origin = {"Origin": "https://chat.example.com"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    allowed = httpx2.options(url, headers={**origin, **asks}, timeout=30)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == origin["Origin"]
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    refused = httpx2.post(url, headers=origin, timeout=30)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == origin["Origin"], "so that the page may read the 401"
    assert "www-authenticate" in refused.headers["access-control-expose-headers"].lower()
    assert status_of(url, {**origin, **bearer(token)}) == 200
    other = {"Origin": "https://evil.example.com"}
    assert "access-control-allow-origin" not in httpx2.post(url, headers=other, timeout=30).headers


def a_session_is_its_callers(url: str) -> None:
    one, other = ({"Crossfade-Client-Id": name} for name in ("slack-bot", "other-bot"))
    session = Sessions(url).open(one)
    assert Sessions(url).lists(one, session) == 200
    assert Sessions(url).lists(other, session) == 404


def statuses(url: str, *requests: dict[str, str]) -> list[int]:
    return [status_of(url, headers) for headers in requests]


def here(sample: str, daemon: Daemon, folder: Path) -> str:
    """For this machine."""
    return sample.replace("https://crossfade.internal:8750", daemon.url).replace("/var/lib/slack-mcp", str(folder))


def test_the_five_lines_are_five() -> None:
    ours = [line for line in SAMPLES[0].splitlines() if line and line != "import os"]
    assert len(ours) == 5
    example = (ROOT / "examples" / "python" / "server.py").read_text(encoding="utf-8")
    assert example.count("# ours") == 5
