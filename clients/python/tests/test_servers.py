"""Where the middleware runs: each server that is named in the README, once, as its own process."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mangum import Mangum

from answering import answer
from crossfade_verify import Feed, Verifier
from crossfade_verify.asgi import Receive, RequireToken, Scope, Send
from daemon import free_port
from fake_feed import FakeFeed
from material import AUDIENCE, ROOT, VERIFIER, accept_set, entry, token
from mcp_client import bearer
from serving import exchange
from waiting import until

GOOD, UNKNOWN = token("current"), token("unknown")
BODY = b"x" * 300_000
HERE = Path(__file__).parent

# One process beside the one that has loaded: of two, one might not have been asked before the feed is cut off.
# Its socket for orders would stand in the home folder.
GUNICORN = ["--preload", "-w", "1", "-k", "asgi", "--no-control-socket"]
SERVERS = {
    "uvicorn": ["uvicorn", "--port", "PORT", "served_app:app"],
    "hypercorn on asyncio": ["hypercorn", "-k", "asyncio", "-b", "127.0.0.1:PORT", "served_app:app"],
    "hypercorn on trio": ["hypercorn", "-k", "trio", "-b", "127.0.0.1:PORT", "served_app:app"],
    "granian": ["granian", "--interface", "asgi", "--port", "PORT", "served_app:app"],
    "gunicorn, forked after loading": ["gunicorn", *GUNICORN, "-b", "127.0.0.1:PORT", "served_app:app"],
}


@pytest.fixture
def feed() -> Iterator[FakeFeed]:
    with FakeFeed() as feed:
        yield feed


def cut_off(feed: FakeFeed) -> None:
    """Its followers' views are no longer fresh, soon."""
    feed.publish(accept_set(entry("current"), freshness_ms=1000))
    until("all follow", feed.is_applied_by_all)
    feed.respond = lambda handler: handler.reply(503, {})


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_it_lets_in_refuses_and_says_later(server: list[str], feed: FakeFeed, tmp_path: Path) -> None:
    port = free_port()
    program = [sys.executable, "-m", *(part.replace("PORT", str(port)) for part in server)]
    path = f"{ROOT / 'clients' / 'python' / 'src'}:{HERE}"
    environment = {**os.environ, "FEED": feed.url, "PYTHONPATH": path}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(program, env=environment, cwd=tmp_path, stdout=log, stderr=log)
    # One for all: to make one takes longer than a request.
    client, url = httpx2.Client(timeout=30), f"http://127.0.0.1:{port}/"
    try:

        def asked(token: str | None) -> httpx2.Response:
            headers = {"Connection": "close", **(bearer(token) if token else {})}
            return client.post(url, headers=headers, content=BODY)

        def status(token: str | None) -> int:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                return asked(token).status_code
            except httpx2.TransportError:
                return 0

        def all_are(token: str, wanted: int) -> bool:
            # More often than a server has processes: each has to find its own way to the feed.
            return [status(token) for _ in range(5)] == [wanted] * 5

        until("it serves", lambda: status(None) == 401)
        until("each process lets in", lambda: all_are(GOOD, 200))
        until("each process refuses", lambda: all_are(UNKNOWN, 401))
        assert [refused_upload(port) for _ in range(3)] == [401] * 3
        said = asked(GOOD)
        assert said.text == f"slack-bot sent {len(BODY)}"
        cut_off(feed)
        until("each process is unsure", lambda: all_are(UNKNOWN, 503))
        # On a view that is not young the request waits first, and its body comes through all the same.
        said = asked(GOOD)
        assert (said.status_code, said.text) == (200, f"slack-bot sent {len(BODY)}")
        assert "Traceback" not in (tmp_path / "log").read_text()
    finally:
        client.close()
        process.terminate()
        process.wait()


def refused_upload(port: int) -> int:
    """As a client sends that reads nothing before it has sent all, and hears of nothing but a connection that broke."""
    upload = b"x" * (20 << 20)
    head = f"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {UNKNOWN}\r\n"
    return exchange(port, f"{head}Content-Length: {len(upload)}\r\n\r\n".encode() + upload)[0]


@pytest.fixture
def loop() -> Iterator[None]:
    """Mangum takes the one that is set, and closes none."""
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        asyncio.set_event_loop(loop)
        yield
        asyncio.set_event_loop(None)


@pytest.mark.usefixtures("loop")
def test_in_a_lambda_by_mangum(feed: FakeFeed) -> None:
    with Verifier(Feed(feed.url, VERIFIER), AUDIENCE) as verifier:
        handler = Mangum(RequireToken(answer, verifier), lifespan="off")

        def status(token: str) -> int:
            return int(handler(event_with({"authorization": f"Bearer {token}"}), None)["statusCode"])  # type: ignore[arg-type]

        until("a view", lambda: verifier.status().entries is not None)
        assert [status(GOOD), status(UNKNOWN)] == [200, 401]
        cut_off(feed)
        until("it is unsure", lambda: status(UNKNOWN) == 503)
        assert status(GOOD) == 200


def event_with(headers: dict[str, str]) -> Any:
    http = {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
    return {
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {"http": http},
        "body": "x",
        "isBase64Encoded": False,
    }


def event_of_a_load_balancer() -> Any:
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn"}},
        "httpMethod": "GET",
        "path": "/",
        "multiValueQueryStringParameters": {"authorization": ["kept"]},
        "multiValueHeaders": {"Authorization": [f"Bearer {GOOD}"], "Mcp-Access-Token": [GOOD], "host": ["a"]},
        "body": "",
        "isBase64Encoded": False,
    }


def event_at_the_edge() -> Any:
    headers = {"authorization": [{"key": "Authorization", "value": f"Bearer {GOOD}"}]}
    host = {"host": [{"key": "Host", "value": "a"}]}
    request = {"method": "GET", "uri": "/", "querystring": "", "clientIp": "127.0.0.1", "headers": {**headers, **host}}
    return {"Records": [{"cf": {"config": {"distributionDomainName": "a"}, "request": request}}]}


EVENTS = {
    "an HTTP API": lambda: event_with({"Authorization": f"Bearer {GOOD}", "mcp-access-token": GOOD, "host": "a"}),
    "a load balancer": event_of_a_load_balancer,
    "Lambda@Edge": event_at_the_edge,
}


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_in_a_lambda_the_event_bears_no_token_either(event: Callable[[], Any], feed: FakeFeed) -> None:
    scopes: list[Scope] = []

    async def keeps(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await answer(scope, receive, send)

    with Verifier(Feed(feed.url, VERIFIER), AUDIENCE) as verifier:
        until("a view", lambda: verifier.status().entries is not None)
        handler = Mangum(RequireToken(keeps, verifier, headers=["mcp-access-token"]), lifespan="off")
        got: dict[str, Any] = handler(event(), None)  # type: ignore[arg-type]
        assert str(got.get("statusCode") or got["status"]) == "200"
    (scope,) = scopes
    assert GOOD in repr(event())
    assert GOOD not in repr(scope)
    assert "host" in repr(scope["aws.event"])
    assert ("kept" in repr(event())) == ("kept" in repr(scope["aws.event"]))
