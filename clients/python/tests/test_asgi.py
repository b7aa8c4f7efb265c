"""The middleware beside plain requests: WebSockets, the lifespan, and what stays in memory."""

import asyncio
import gc
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from crossfade_verify import Feed, Verifier
from crossfade_verify.asgi import Message, Receive, RequireToken, Scope, Send
from fake_feed import FakeFeed
from material import AUDIENCE, VERIFIER, accept_set, entry, token
from serving import exchange, served
from waiting import until

GOOD, UNKNOWN = token("current"), token("unknown")
HELD = token("of the test that looks for it")


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    with (
        FakeFeed(accept_set(entry("current"), entry("of the test that looks for it"))) as feed,
        Verifier(feed.feed(), AUDIENCE) as verifier,
    ):
        until("a view", lambda: verifier.status().entries is not None)
        yield verifier


@requires("slack:search")
async def whoami(request: Request) -> JSONResponse:
    seen = {name: request.headers.getlist(name) for name in request.headers}
    said = {"client_id": request.state.crossfade_grant.client_id, "user": request.user.display_name, "headers": seen}
    return JSONResponse(said)


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.scope["crossfade.grant"].client_id)
    await socket.close()


def application(verifier: Verifier) -> Starlette:
    return Starlette(
        routes=[Route("/", whoami), WebSocketRoute("/ws", echo)],
        middleware=[Middleware(RequireToken, verifier=verifier, headers=["mcp-access-token"])],
    )


@pytest.mark.parametrize("sdk", ["with", "without"])
def test_a_starlette_application_learns_who_called_and_not_by_what(
    verifier: Verifier, sdk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sdk == "without":
        monkeypatch.delitem(sys.modules, "mcp.server.auth.middleware.bearer_auth", raising=False)
    with served(application(verifier)) as port:
        tokens = f"Authorization: Bearer {GOOD}\r\nmcp-access-token: {GOOD}\r\nSlack-User-Token: xoxp-1\r\n"
        status, _, body = exchange(port, f"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{tokens}\r\n".encode())
        assert status == 200
        said = json.loads(body)
        assert said["client_id"] == said["user"] == "slack-bot"
        assert said["headers"]["slack-user-token"] == ["xoxp-1"]
        assert GOOD not in body.decode()


def test_a_websocket_is_guarded(verifier: Verifier) -> None:
    with served(application(verifier)) as port:
        url = f"ws://127.0.0.1:{port}/ws"
        with connect(url, additional_headers={"Authorization": f"Bearer {GOOD}"}) as socket:
            assert socket.recv() == "slack-bot"
        for headers in ({}, {"Authorization": f"Bearer {UNKNOWN}"}):
            with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers):
                pass
            response = refused.value.response
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"].startswith(f'Bearer realm="{AUDIENCE}"')


def spoken(app: RequireToken, scope: Scope) -> list[Message]:
    """What an application says to a scope, without a server."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "reached", "scope": scope})


@pytest.mark.parametrize(("known", "code"), [(True, 1008), (False, 1013)])
def test_a_websocket_of_a_server_without_http_responses_is_closed(known: bool, code: int) -> None:
    with FakeFeed() as feed:
        if not known:
            feed.respond = lambda handler: handler.reply(503, {})
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            if known:
                until("a view", lambda: verifier.status().entries is not None)
            headers = [(b"authorization", b"Bearer " + UNKNOWN.encode())]
            sent = spoken(RequireToken(nobody, verifier), {"type": "websocket", "headers": headers})
            assert sent == [{"type": "websocket.close", "code": code}]


def test_the_lifespan_passes_and_what_is_not_known_does_not(verifier: Verifier) -> None:
    guarded = RequireToken(nobody, verifier)
    assert [message["type"] for message in spoken(guarded, {"type": "lifespan"})] == ["reached"]
    with pytest.raises(RuntimeError, match="datagram"):
        spoken(guarded, {"type": "datagram", "headers": []})


def test_what_can_t_be_guarded_is_said_at_once(verifier: Verifier) -> None:
    with pytest.raises(TypeError, match="lists of names"):
        RequireToken(nobody, verifier, scopes="slack:search")
    with pytest.raises(ValueError, match="one word"):
        RequireToken(nobody, verifier, scopes=['a"b'])
    with pytest.raises(ValueError, match="plain ASCII"):
        Verifier(Feed("http://127.0.0.1", VERIFIER), "https://mcp.example.com/\r\nslack")


def test_a_list_of_headers_loses_the_token_wherever_it_is_held(verifier: Verifier) -> None:
    headers = [(b"authorization", b"Bearer " + GOOD.encode()), (b"a", b"b")]
    spoken(RequireToken(nobody, verifier), {"type": "http", "headers": headers})
    assert headers == [(b"a", b"b")], "the server's own list"


def test_headers_that_are_no_list_are_replaced_and_a_forged_grant_too(verifier: Verifier) -> None:
    headers = ((b"Authorization", b"Bearer " + GOOD.encode()), (b"a", b"b"))
    scope: dict[str, Any] = {"type": "http", "headers": headers, "crossfade.grant": "forged", "state": {"kept": 1}}
    reached = spoken(RequireToken(nobody, verifier), scope)[0]["scope"]
    assert reached["headers"] == [(b"a", b"b")]
    assert reached["crossfade.grant"].client_id == "slack-bot"
    assert reached["state"]["kept"] == 1
    assert "crossfade_grant" not in scope["state"]


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_after_its_request_no_object_holds_a_token(verifier: Verifier, http: str) -> None:
    with served(application(verifier), http) as port:
        kept = [f"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {HELD}\r\n\r\n".encode()]
        assert exchange(port, kept[0])[0] == 200
        assert holders() == [list], "it is found where it is: here"
        kept.clear()
        assert holders() == []


def holders() -> list[type]:
    """What refers to a text with the token in it, but for the constant of this module."""
    gc.collect()
    return [type(holder) for holder in gc.get_objects() if any(map(is_found, gc.get_referents(holder)))]


def is_found(value: object) -> bool:
    if isinstance(value, bytes | bytearray):
        return HELD.encode() in value
    return isinstance(value, str) and value is not HELD and HELD in value
