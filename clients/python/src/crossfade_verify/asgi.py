"""Guards an ASGI application: lets in whoever bears an accepted token, and takes the token away."""

import json
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from ._caller import Credentials, user_of
from ._credential import Unfit, take_from_event, token_of, without_tokens
from ._grant import Accepted, Grant
from ._rest import When, read_on, when_to_read
from ._verdict import Refused, Unsure, Verdict
from ._verifier import Verifier
from ._waiting import Client, Message, Receive

__all__ = ["App", "Message", "Receive", "RequireToken", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_RETRY_AFTER_S = 1
_SERVER_ERROR = -32001
_POLICY, _TRY_AGAIN_LATER = 1008, 1013  # RFC 6455, 7.4.1, and IANA's registry.

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")

_Refusal = Refused | Unsure | Unfit
_Answer = tuple[int, list[tuple[bytes, bytes]], bytes]

_WORDS = {
    "unauthorized": "a bearer token is needed",
    "invalid_token": "the token is not accepted",
    "insufficient_scope": "the token is not for this",
    "temporarily_unavailable": "whether the token is accepted can't be told right now; try again",
}


class RequireToken:
    """ASGI middleware. It guards `http` and `websocket` whatever the method and path, lets `lifespan` pass, and refuses
    any other kind of scope.

    A token stands in `Authorization: Bearer`, or bare in one of `headers`. The application behind finds the `Grant` in
    `scope["crossfade.grant"]`, and in Starlette in `request.state.crossfade_grant`; it finds no token.

    It answers 401 for a token that is missing or refused, 403 for one that lacks one of `scopes`, and 503 with
    `Retry-After` when unsure: after one try to refresh, of at most 2 s. With `json_rpc_errors` the body is a JSON-RPC
    error, with `id` null; all else stays the same.
    """

    def __init__(
        self,
        app: App,
        verifier: Verifier,
        *,
        headers: Collection[str] = (),
        scopes: Collection[str] = (),
        json_rpc_errors: bool = False,
    ) -> None:
        if isinstance(headers, str) or isinstance(scopes, str):
            raise TypeError("`headers` and `scopes` are lists of names")
        if not all(map(_SCOPE.fullmatch, scopes)):
            raise ValueError("a scope is one word of visible ASCII (RFC 6749, section 3.3)")
        self._app, self._verifier = app, verifier
        self._headers = frozenset(header.lower().encode("ascii") for header in headers)
        self._scopes, self._scope = frozenset(scopes), " ".join(scopes)
        self._json_rpc_errors = json_rpc_errors
        self._realm = verifier.audience.translate({ord('"'): None, ord("\\"): None})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or answer."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._app(scope, receive, send)
            return
        if kind not in ("http", "websocket"):
            raise RuntimeError(f"RequireToken guards http and websocket, and does not know what {kind!r} would let in")
        client = Client(receive)
        try:
            verdict = await self._verdict(scope, client)
            if client.has_left:
                # Or was answered by whatever stands before us, such as a time-out: there is nobody to answer any more.
                return
            if client.was_waited_for:
                receive = client.receive
            if isinstance(verdict, Accepted):
                await self._app(self._let_in(scope, verdict.grant), receive, send)
            else:
                await self._refuse(scope, receive, send, verdict)
        finally:
            client.close()

    async def _verdict(self, scope: Scope, client: Client) -> Verdict | Unfit:
        verifier = self._verifier
        token = token_of(scope["headers"], self._headers)
        if isinstance(token, Unfit):
            return verifier._counted_as(token)
        verdict = await verifier._adecide(token, client.wait_for)
        if isinstance(verdict, Accepted) and not self._scopes <= set(verdict.grant.scopes):
            return verifier._counted_as(Unfit.INSUFFICIENT_SCOPE)
        return verifier._counted(verdict, verifier._clock())

    def _let_in(self, scope: Scope, grant: Grant) -> Scope:
        headers = scope["headers"]
        kept = without_tokens(headers, self._headers)
        if isinstance(headers, list):
            # In place: the server, and whatever stands before us, hold the same list.
            headers[:] = kept
            kept = headers
        take_from_event(scope.get("aws.event"), self._headers)
        user, auth = user_of(grant, self._verifier.audience), Credentials(list(grant.scopes))
        inner = {**scope, "headers": kept, "crossfade.grant": grant, "user": user, "auth": auth}
        state = scope.get("state")
        if state is None or isinstance(state, MutableMapping):
            inner["state"] = {**(state or {}), "crossfade_grant": grant}
        return inner

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, why: _Refusal) -> None:
        try:
            if scope["type"] == "http":
                await _refuse_http(scope, receive, send, self._answer(why))
            else:
                await self._refuse_websocket(scope, receive, send, why)
        except OSError:
            # So a server says that its client has gone (ASGI's HTTP spec, 2.4).
            pass

    async def _refuse_websocket(self, scope: Scope, receive: Receive, send: Send, why: _Refusal) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        if "websocket.http.response" in (scope.get("extensions") or {}):
            await _respond(send, "websocket.http.response", *self._answer(why))
        else:
            code = _TRY_AGAIN_LATER if isinstance(why, Unsure) else _POLICY
            await send({"type": "websocket.close", "code": code})

    def _answer(self, why: _Refusal) -> _Answer:
        challenge = f'Bearer realm="{self._realm}"'
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        match why:
            case Unsure():
                status, error = 503, "temporarily_unavailable"
                headers.append((b"retry-after", str(_RETRY_AFTER_S).encode()))
            case Unfit.INSUFFICIENT_SCOPE:
                status, error = 403, "insufficient_scope"
                challenge += f', error="{error}", scope="{self._scope}"'
            case Unfit.MISSING:
                status, error = 401, "unauthorized"
            case _:
                status, error = 401, "invalid_token"
                challenge += f', error="{error}"'
        if not isinstance(why, Unsure):
            headers.append((b"www-authenticate", challenge.encode("latin-1")))
        return status, headers, self._body(error)

    def _body(self, error: str) -> bytes:
        words = _WORDS[error]
        content: dict[str, object] = {"error": error, "error_description": words}
        if self._json_rpc_errors:
            failure = {"code": _SERVER_ERROR, "message": words, "data": {"error": error}}
            content = {"jsonrpc": "2.0", "id": None, "error": failure}
        return json.dumps(content).encode()


async def _refuse_http(scope: Scope, receive: Receive, send: Send, answer: _Answer) -> None:
    status, headers, body = answer
    when = when_to_read(scope)
    if when is When.WITHIN:
        # Of no length: a server that knows it takes the answer for ended when so much was sent. Granian closes then.
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await read_on(receive)
        await send({"type": "http.response.body", "body": b""})
        return
    if when is When.BEFORE:
        await read_on(receive)
    await _respond(send, "http.response", *answer)


async def _respond(send: Send, kind: str, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": f"{kind}.start", "status": status, "headers": [*headers, length]})
    await send({"type": f"{kind}.body", "body": body})
