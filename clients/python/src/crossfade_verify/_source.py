"""For bots: the current token of one secret, from the daemon's `GET /v1/token`."""

import os
import random
import re
import threading
import time
import weakref
from urllib.parse import quote

from . import _json
from ._clock import Moment, read_clocks
from ._events import Events, Hook, Kind
from ._feed import Feed
from ._transport import Connection, TransportError
from ._waiting import in_thread

_ANSWER_S = 5.0
_MOST = 1 << 16
_LONGEST_BACKOFF_S = 30.0
_TOKEN = re.compile(r"[\x21-\x7e]{16,512}")
_REASONS = {
    401: "the daemon does not know our credential (401): is it in its config?",
    403: "our client has another role, or not this secret, in the daemon's config (403)",
    503: "the daemon can't read the secret's token right now (503)",
}


class TokenUnavailableError(Exception):
    """No token could be had, and none was had before; says why."""


class TokenSource:
    """Hands out the current token of a secret.

    It keeps a token for as long as the daemon says (`refresh_after_ms`), and then asks again. While that fails it backs
    off and hands out the one it has: as long as nobody rotates, that one is good. After a 401 call `refused` with the
    token that was used.

    A token is to be read for each run, not once. Any thread may call.
    """

    def __init__(self, feed: Feed, secret: str, *, on_event: Hook | None = None) -> None:
        self._feed, self._secret = feed, secret
        self._events = Events(on_event)
        self._token: str | None = None
        self._due: tuple[Moment, int] | None = None
        self._failures = 0
        self._not_before = 0.0
        self._why = ""
        self._asking = threading.Lock()
        _SOURCES.add(self)

    def __repr__(self) -> str:
        return f"TokenSource({self._feed!r}, {self._secret!r})"

    def token(self) -> str:
        """The current token. It asks the daemon only where none is kept, or the one that is has become due."""
        token = self._token
        if token is not None and not self._is_due():
            return token
        return self._renewed(token)

    async def atoken(self) -> str:
        """The same, for an event loop: asyncio's or trio's."""
        token = self._token
        if token is not None and not self._is_due():
            return token
        try:
            return await in_thread(self._renewed, token)
        except RuntimeError as error:
            return self._kept(token, error)

    def refused(self, token: str) -> str | None:
        """After a 401 for `token`: the token to try once more with. None: it is still the current one, so don't."""
        if self._token == token:
            # Whatever the daemon has said of how long it may be kept.
            self._due = None
        try:
            newest = self._renewed(token) if self._token == token else self.token()
        except TokenUnavailableError:
            return None
        return None if newest == token else newest

    async def arefused(self, token: str) -> str | None:
        """The same, for an event loop."""
        try:
            return await in_thread(self.refused, token)
        except RuntimeError as error:
            self._events.emit(Kind.FAILED, f"no thread to ask the daemon with: {error}")
            return None

    def _kept(self, token: str | None, error: RuntimeError) -> str:
        detail = f"no thread to ask the daemon with: {error}"
        self._events.emit(Kind.FAILED, detail)
        if token is None:
            raise TokenUnavailableError(f"no token of {self._secret} can be had: {detail}") from None
        return token

    def _is_due(self) -> bool:
        if self._due is None:
            return True
        fetched, refresh_after_ms = self._due
        return read_clocks().elapsed_since_ms(fetched) >= refresh_after_ms

    def _renewed(self, seen: str | None) -> str:
        # Whoever has a token waits for no other caller's question.
        if not self._asking.acquire(blocking=seen is None or self._due is None):
            return seen or ""
        try:
            if self._token is not None and not self._is_due():
                return self._token
            if time.monotonic() >= self._not_before:
                self._fetch()
            if self._token is None:
                raise TokenUnavailableError(f"no token of {self._secret} can be had: {self._why}")
            return self._token
        finally:
            self._asking.release()

    def _fetch(self) -> None:
        for replica in self._feed.replicas:
            connection = Connection(self._feed, replica)
            asked = read_clocks()
            try:
                self._token, refresh_after_ms = self._ask(connection)
            except (TransportError, _RefusalError) as error:
                self._why = f"{replica.url}: {error}"
                self._events.emit(Kind.FAILED, self._why)
            else:
                self._due = (asked, refresh_after_ms)
                self._failures = 0
                return
            finally:
                connection.close()
        self._failures += 1
        longest = min(_LONGEST_BACKOFF_S, 0.25 * 2 ** min(self._failures, 10))
        self._not_before = time.monotonic() + random.uniform(0, longest)  # noqa: S311

    def _ask(self, connection: Connection) -> tuple[str, int]:
        path = f"/v1/token?secret={quote(self._secret, safe='')}"
        answer = connection.request("GET", path, {}, timeout=_ANSWER_S, most=_MOST)
        if answer.status != 200:
            raise _RefusalError(_REASONS.get(answer.status, f"an answer with status {answer.status}"))
        try:
            body = _json.parse(answer.body)
            token, refresh_after_ms = body["token"], body["refresh_after_ms"]
        except (_json.Fault, KeyError, TypeError):
            raise _RefusalError("an answer that is no token's") from None
        if type(token) is not str or not _TOKEN.fullmatch(token) or type(refresh_after_ms) is not int:
            raise _RefusalError("an answer that is no token's")
        return token, refresh_after_ms

    def _after_fork(self) -> None:
        self._asking = threading.Lock()


class _RefusalError(Exception):
    """An answer that holds no token; says what it means, and nothing of what it held."""


_SOURCES: "weakref.WeakSet[TokenSource]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for source in list(_SOURCES):
        source._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
