"""For bots: the current token of one secret, from the daemon's `GET /v1/token`."""

import os
import random
import re
import threading
import time
import weakref
from collections.abc import Callable
from typing import NamedTuple
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
_COOL_DOWN_MS = 1_000
"""So long after a token has come, no refusal of it makes a question: there may be servers that refuse each token."""
_TOKEN = re.compile(r"[\x21-\x7e]{16,512}")
_REASONS = {
    401: "the daemon does not know our credential (401): is it in its config?",
    403: "our client has another role, or not this secret, in the daemon's config (403)",
    503: "the daemon can't read the secret's token right now (503)",
}


class TokenUnavailableError(Exception):
    """No token could be had, and none was had before; says why."""


class _Kept(NamedTuple):
    token: str
    asked: Moment
    refresh_after_ms: int


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
        self._kept: _Kept | None = None
        self._questions = self._failures = 0
        self._not_before = 0.0
        self._why = ""
        self._asking = threading.Lock()
        _SOURCES.add(self)

    def __repr__(self) -> str:
        return f"TokenSource({self._feed!r}, {self._secret!r})"

    def token(self) -> str:
        """The current token. It asks the daemon only where none is kept, or the one that is has become due."""
        kept = self._kept
        return kept.token if kept is not None and not self._is_due() else self._renewed()

    async def atoken(self) -> str:
        """The same, for an event loop: asyncio's or trio's."""
        kept = self._kept
        if kept is not None and (not self._is_due() or self._asking.locked()):
            return kept.token
        try:
            return await in_thread(self._renewed)
        except RuntimeError as error:
            detail = f"no thread to ask the daemon with: {error}"
            self._events.emit(Kind.FAILED, detail)
            if kept is None:
                raise TokenUnavailableError(f"no token of {self._secret} can be had: {detail}") from None
            return kept.token

    def refused(self, token: str) -> str | None:
        """After a 401 for `token`: the token to try once more with. None: it is still the current one, so don't.

        Those who call it at the same time share one question, and a token of the last second makes none.
        """
        if self._has_no_other_than(token):
            # Whatever the daemon has said of how long it may be kept.
            self._ask_once(
                lambda: self._has_no_other_than(token) and self._has_been_kept_for(_COOL_DOWN_MS), waits=True
            )
        return None if self._kept is None or self._kept.token == token else self._kept.token

    async def arefused(self, token: str) -> str | None:
        """The same, for an event loop."""
        try:
            return await in_thread(self.refused, token)
        except RuntimeError as error:
            self._events.emit(Kind.FAILED, f"no thread to ask the daemon with: {error}")
            return None

    def _has_no_other_than(self, token: str) -> bool:
        return self._kept is None or self._kept.token == token

    def _has_been_kept_for(self, ms: int) -> bool:
        return self._kept is None or read_clocks().elapsed_since_ms(self._kept.asked) >= ms

    def _is_due(self) -> bool:
        return self._kept is None or self._has_been_kept_for(self._kept.refresh_after_ms)

    def _renewed(self) -> str:
        # Whoever has a token waits for no other caller's question.
        self._ask_once(self._is_due, waits=self._kept is None)
        if self._kept is None:
            raise TokenUnavailableError(f"no token of {self._secret} can be had: {self._why}")
        return self._kept.token

    def _ask_once(self, is_needed: Callable[[], bool], *, waits: bool) -> None:
        """Ask the daemon; or, where another caller asks already, wait for what comes of that."""
        questions = self._questions
        if not self._asking.acquire(blocking=waits):
            return
        try:
            if self._questions == questions and is_needed() and time.monotonic() >= self._not_before:
                self._fetch()
                self._questions += 1
        finally:
            self._asking.release()

    def _fetch(self) -> None:
        for replica in self._feed.replicas:
            connection = Connection(self._feed, replica)
            asked = read_clocks()
            try:
                token, refresh_after_ms = self._ask(connection)
            except (TransportError, _RefusalError) as error:
                self._why = f"{replica.url}: {error}"
                self._events.emit(Kind.FAILED, self._why)
            else:
                self._kept = _Kept(token, asked, refresh_after_ms)
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
