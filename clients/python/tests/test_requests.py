"""The golden request vectors: raw bytes over a socket, to a real server with our middleware."""

import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from crossfade_verify import Grant, Verifier
from crossfade_verify.asgi import Receive, RequireToken, Scope, Send
from fake_feed import FakeFeed
from material import vectors
from serving import exchange, served
from waiting import until

VECTORS = vectors("requests.json")
HEADER, TOKENS = VECTORS["header"], [known["token"] for known in VECTORS["tokens"].values()]


class Handler:
    """Keeps what it saw of a request."""

    def __init__(self) -> None:
        self.scope: Scope | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        self.scope = scope
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


class Guarded:
    def __init__(self, port: int, verifier: Verifier, handler: Handler) -> None:
        self.port, self.verifier, self.handler = port, verifier, handler


# Each server that uvicorn can be: the parser, the view that it decides by, errors of JSON-RPC.
SERVERS = list(itertools.product(["h11", "httptools"], ["fresh", "stale", "none"], ["oauth", "json_rpc"]))
CASES = [(server, case) for server in SERVERS for case in VECTORS["cases"] if case["view"] == server[1]]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[tuple[str, str, str], Guarded]]:
    with contextlib.ExitStack() as stack:
        yield {server: stack.enter_context(guarded(*server)) for server in SERVERS}


@contextlib.contextmanager
def guarded(http: str, view: str, errors: str) -> Iterator[Guarded]:
    with FakeFeed(VECTORS["set"]) as feed:
        feed.now_ms = VECTORS["now_ms"]
        if view == "stale":
            feed.age_ms = json.loads(VECTORS["set"])["freshness_ms"] + 1
        elif view == "none":
            feed.respond = lambda handler: handler.reply(503, {})
        with Verifier(feed.feed(), VECTORS["audience"]) as verifier:
            if view != "none":
                until("a view", lambda: verifier.status().entries is not None)
            handler = Handler()
            app = RequireToken(
                handler, verifier, headers=[HEADER], scopes=[VECTORS["scope"]], json_rpc_errors=errors == "json_rpc"
            )
            with served(app, http) as port:
                yield Guarded(port, verifier, handler)


@pytest.mark.parametrize(("server", "case"), CASES, ids=lambda value: value["name"] if isinstance(value, dict) else "")
def test_a_request_is_answered_as_the_vector_says(
    server: tuple[str, str, str], case: dict[str, Any], servers: dict[tuple[str, str, str], Guarded]
) -> None:
    guarded = servers[server]
    expected = case["expected"]
    guarded.handler.scope = None
    before = guarded.verifier.counts()
    head = "".join(f"{line}\r\n" for line in case["head"]) + "\r\n"
    status, headers, body = exchange(guarded.port, head.encode("latin-1"))
    assert status == expected["status"], server
    assert counted(guarded.verifier, before) == [(expected["version"], expected["reason"])]
    values = [value for name, value in headers if name == "www-authenticate"]
    assert values == ([] if expected["www_authenticate"] is None else [expected["www_authenticate"]])
    retry_after = [value for name, value in headers if name == "retry-after"]
    assert bool(retry_after) == expected["retry_after"]
    assert all(value.isdecimal() for value in retry_after)
    if status == 200:
        handler_saw_no_token(guarded.handler, expected)
    else:
        assert guarded.handler.scope is None
        assert ("cache-control", "no-store") in headers
        the_body_says(body, expected["error"], server[2] == "json_rpc", case["head"][0].startswith("HEAD "))


def counted(verifier: Verifier, before: dict[tuple[str | None, str], int]) -> list[tuple[str | None, str]]:
    after = verifier.counts()
    return [key for key, count in after.items() if count != before.get(key, 0)]


def handler_saw_no_token(handler: Handler, expected: dict[str, Any]) -> None:
    scope = handler.scope
    assert scope is not None
    grant = scope["crossfade.grant"]
    assert isinstance(grant, Grant)
    assert grant.source.version == expected["version"]
    assert scope["state"]["crossfade_grant"] is grant
    lines = [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in scope["headers"]]
    assert all(line in lines for line in expected["passes"])
    names = {name for name, _ in scope["headers"]}
    assert not names & {b"authorization", HEADER.encode()}
    assert not any(token in repr(scope) for token in TOKENS)


def the_body_says(body: bytes, error: str, rpc: bool, to_head: bool) -> None:
    if to_head:
        assert body == b""
        return
    said = json.loads(body)
    if rpc:
        assert said["jsonrpc"] == "2.0"
        assert said["id"] is None
        assert said["error"]["code"] == -32001
        assert said["error"]["data"] == {"error": error}
        assert isinstance(said["error"]["message"], str)
    else:
        assert said["error"] == error
        assert set(said) == {"error", "error_description"}
