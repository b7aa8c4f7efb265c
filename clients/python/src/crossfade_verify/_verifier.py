"""The verifier that a server embeds."""

import os
import random
import re
import secrets
import socket
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from ._cache import Cache
from ._clock import Moment, read_clocks
from ._counts import Counts
from ._credential import Unfit
from ._events import Events, Hook, Kind
from ._exchange import Question
from ._feed import Feed
from ._gate import Why
from ._grant import Accepted
from ._keeper import CacheError
from ._link import Link
from ._refresher import REFRESH_S
from ._verdict import Refused, Unsure, Verdict, decide
from ._views import Applied, Status, Views
from ._waiting import wait_for

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_AUDIENCE = re.compile(r"[\x20-\x7e]+")
_AGAIN_AFTER_MS = 1_000
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9._-]")


class Verifier:
    """Decides on tokens for one audience, from the accept set that it keeps up to date in the background.

    `verify` never waits, takes no lock and does no I/O, so it may be called from anywhere, an event loop too. Before
    the first set has come, it is unsure of everything but what is malformed. It goes on deciding while the daemon is
    down: known tokens are accepted up to their deadlines, and for `hold` (or `max_hold`, where that is shorter) after
    the last view.

    `cache` names a file to start from while the daemon is down; where something else stands at that path, the verifier
    is not made (`CachePathError`). `instance` names this process for `crossfade status`; by default the host, the
    process and something random. `on_event` is told of all that goes wrong, in a background thread. After a fork (a
    preloading server) the child follows the feed on its own, from its first verdict on.
    """

    def __init__(
        self,
        feed: Feed,
        audience: str,
        *,
        cache: str | Path | None = None,
        max_hold: timedelta | None = None,
        instance: str | None = None,
        on_event: Hook | None = None,
        clock: Callable[[], Moment] = read_clocks,
    ) -> None:
        if not _AUDIENCE.fullmatch(audience):
            raise ValueError("an audience is plain ASCII, as in the daemon's config")
        if instance is not None and not _NAME.fullmatch(instance):
            raise ValueError("an instance is named by 1 to 64 characters of A-Z a-z 0-9 . _ -")
        if max_hold is not None and max_hold < timedelta(milliseconds=1):
            raise ValueError("max_hold has to be longer than nothing: without it, the daemon's `hold` counts")
        self.audience = audience
        self._feed, self._name, self._clock = feed, instance, clock
        self._pid = os.getpid()
        self._events = Events(on_event)
        self._max_hold_ms = None if max_hold is None else max_hold // timedelta(milliseconds=1)
        self._cache = None if cache is None else Cache(cache, audience, feed.identity, self._max_hold_ms)
        self._views = Views(self._cached())
        self._counts = Counts()
        self._spread = random.random()  # noqa: S311
        self._closed = False
        self._starting = threading.Lock()
        self._link: Link | None = None
        self._tried: Moment | None = None
        self._linked(self._clock())
        _VERIFIERS.add(self)

    def verify(self, token: str | bytes) -> Verdict:
        """Decide on a token by what is known now."""
        at = self._clock()
        return self._counted(self._decide(token, at), at)

    def verify_or_refresh(self, token: str | bytes) -> Verdict:
        """The same, but where that is unsure, or accepts on a view that is not young, refresh the view first, for 2 s
        at most. Where that fails, what is known is accepted as `verify` accepts it.
        """
        at = self._clock()
        verdict = self._decide(token, at)
        running = self._needed(verdict, at)
        if running is not None:
            try:
                running.result(REFRESH_S)
            except TimeoutError:
                pass
            at = self._clock()
            verdict = self._decide(token, at)
        return self._counted(verdict, at)

    async def averify_or_refresh(self, token: str | bytes) -> Verdict:
        """The same, for an event loop: asyncio's or trio's."""
        return self._counted(await self._adecide(token, wait_for), self._clock())

    def counts(self) -> dict[tuple[str | None, str], int]:
        """How often each verdict was given, by version and name: `accepted`, `unsure`, or a reason. For metrics."""
        return self._counts.totals()

    def status(self) -> Status:
        """What is known, how old that is, and whether a refusal may rest on it."""
        return self._views.status(self._clock())

    def close(self) -> None:
        """Report the last counts and stop following the feed, within some 2 s. What is known is still decided on."""
        self._closed = True
        link = self._link
        if link is not None:
            link.stop()
            link.join()

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _adecide(
        self, token: str | bytes, wait_for: Callable[["Future[None]", float], Awaitable[None]]
    ) -> Verdict:
        """As `averify_or_refresh`, not counted: for guards, which have more to ask. They wait in their own way."""
        at = self._clock()
        verdict = self._decide(token, at)
        running = self._needed(verdict, at)
        if running is not None:
            await wait_for(running, REFRESH_S)
            verdict = self._decide(token, self._clock())
        return verdict

    def _decide(self, token: str | bytes, at: Moment) -> Verdict:
        if self._link is None:
            self._linked(at)
        if isinstance(token, str):
            try:
                token = token.encode()
            except UnicodeEncodeError:
                # Half of a surrogate pair: malformed, as all is that is not ASCII.
                token = b""
        return decide(self._views.view, token, at)

    def _needed(self, verdict: Verdict, at: Moment) -> "Future[None] | None":
        """The refresh that this verdict has to wait for."""
        if isinstance(verdict, Accepted):
            view = self._views.view
            if view is None or view.is_young(at, self._spread):
                return None
        elif isinstance(verdict, Refused):
            return None
        why = Why.UNSURE if isinstance(verdict, Unsure) else Why.OLD
        link = None if self._closed else self._link
        return None if link is None else link.refresher.ask(why)

    def _counted(self, verdict: Verdict, at: Moment) -> Verdict:
        if isinstance(verdict, Accepted):
            self._counts.add(verdict.grant.source.version, "accepted", at)
        else:
            # `_value_` is `value`, without a call of Python's.
            self._counts.add(None, verdict.reason._value_ if isinstance(verdict, Refused) else "unsure", at)
        return verdict

    def _counted_as(self, why: Unfit) -> Unfit:
        """For guards: a request that was refused whatever its token's verdict may be."""
        self._counts.add(None, why.value, self._clock())
        return why

    def _cached(self) -> Applied | None:
        if self._cache is None:
            return None
        try:
            view = self._cache.read(self._clock())
        except CacheError as error:
            self._events.emit(Kind.CACHE_FAILED, str(error))
            return None
        return None if view is None else Applied(view, None)

    def _linked(self, at: Moment) -> None:
        """Follow the feed: from the start on, and anew after a fork."""
        with self._starting:
            if self._link is not None or (self._tried and at.elapsed_since_ms(self._tried) < _AGAIN_AFTER_MS):
                return
            self._tried = at
            question = Question(self.audience, self._instance(), self._max_hold_ms, self._cache is not None)
            link = Link(self._feed, question, self._views, self._counts, self._events, self._cache, self._clock)
            if not self._closed:
                try:
                    link.start()
                except RuntimeError as error:
                    # What is known is decided on all the same, and a later verdict tries again.
                    self._events.emit(Kind.FAILED, f"no thread to follow the feed with: {error}")
                    return
            weakref.finalize(self, link.stop)
            self._link = link

    def _instance(self) -> str:
        pid = os.getpid()
        if self._name is not None:
            return self._name if pid == self._pid else f"{self._name[:50]}-{pid}"
        host = _NOT_OF_A_NAME.sub("-", socket.gethostname())[:40] or "host"
        return f"{host}-{pid}-{secrets.token_hex(4)}"

    def _after_fork(self) -> None:
        # The threads are gone, and any lock may have been held by one of them. Counts are the parent's to report.
        self._starting = threading.Lock()
        self._views = Views(self._views.applied)
        self._counts = Counts()
        self._link = self._tried = None


_VERIFIERS: "weakref.WeakSet[Verifier]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for verifier in list(_VERIFIERS):
        verifier._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
