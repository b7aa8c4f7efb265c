"""The verifier that a server embeds."""

import asyncio
import os
import re
import secrets
import socket
import threading
import weakref
from collections.abc import Callable, Collection
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from ._cache import Cache, CacheError
from ._clock import Moment, read_clocks
from ._counts import Counts
from ._events import Events, Hook, Kind
from ._exchange import Question
from ._feed import Feed
from ._follower import Follower
from ._refresher import REFRESH_S, Refresher
from ._verdict import Accepted, Reason, Refused, Unsure, Verdict, View, decide
from ._views import Applied, Views

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_AUDIENCE = re.compile(r"[\x20-\x7e]+")
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9._-]")


class Verifier:
    """Decides on tokens for one audience, from the accept set that it keeps up to date in the background.

    `verify` never waits, takes no lock and does no I/O, so it may be called from anywhere, an event loop too. Before
    the first set has come, it is unsure of everything but what is malformed. It goes on deciding while the daemon is
    down: known tokens are accepted up to their deadlines, and for `hold` (or `max_hold`, where that is shorter) after
    the last view.

    `cache` names a file to start from while the daemon is down. `instance` names this process for `crossfade status`;
    by default the host, the process and something random. `on_event` is told of all that goes wrong, in a background
    thread. After a fork (a preloading server) the child follows the feed on its own, from its first verdict on.
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
        if max_hold is not None and max_hold <= timedelta(0):
            raise ValueError("max_hold has to be longer than nothing: without it, the daemon's `hold` counts")
        self.audience = audience
        self._feed, self._name, self._clock = feed, instance, clock
        self._pid = os.getpid()
        self._events = Events(on_event)
        self._max_hold_ms = None if max_hold is None else max_hold // timedelta(milliseconds=1)
        self._cache = None if cache is None else Cache(cache, audience, feed.identity, self._max_hold_ms)
        self._views = Views(self._cached())
        self._closed = False
        self._starting = threading.Lock()
        self._link: _Link | None = None
        self._linked()
        _VERIFIERS.add(self)

    def verify(self, token: str | bytes, scopes: Collection[str] = ()) -> Verdict:
        """Decide on a token by what is known now; with `scopes`, it has to be good for each of them."""
        return self._counted(self._decide(token, scopes), self._clock())

    def verify_or_refresh(self, token: str | bytes, scopes: Collection[str] = ()) -> Verdict:
        """The same, but where that is unsure, refresh the view and decide again, after 2 s at most."""
        verdict = self._decide(token, scopes)
        if isinstance(verdict, Unsure) and self.refresh():
            verdict = self._decide(token, scopes)
        return self._counted(verdict, self._clock())

    async def averify_or_refresh(self, token: str | bytes, scopes: Collection[str] = ()) -> Verdict:
        """The same, for an event loop."""
        verdict = self._decide(token, scopes)
        if isinstance(verdict, Unsure) and await self.arefresh():
            verdict = self._decide(token, scopes)
        return self._counted(verdict, self._clock())

    def refresh(self) -> bool:
        """Ask the daemon now, unless that was done less than a second ago. Whether the view is fresh after it."""
        running = self._refreshing()
        try:
            return running is not None and running.result(REFRESH_S)
        except TimeoutError:
            return self.is_fresh

    async def arefresh(self) -> bool:
        """The same, for an event loop."""
        running = self._refreshing()
        try:
            return running is not None and await asyncio.wait_for(asyncio.wrap_future(running), REFRESH_S)
        except TimeoutError:
            return self.is_fresh

    def count(self, reason: Reason) -> None:
        """Count a refusal that was not decided here, such as a request without a token."""
        self._counted(Refused(reason), self._clock())

    def counts(self) -> dict[tuple[str | None, str], int]:
        """How often each verdict was given, by version and name: `accepted`, `unsure`, or a reason. For metrics."""
        return self._linked().counts.totals()

    @property
    def view(self) -> View | None:
        """What is accepted, and how old that is; `None` before the first set."""
        return self._views.view

    @property
    def is_fresh(self) -> bool:
        """Whether a refusal may rest on the view."""
        return self._views.is_fresh(self._clock())

    def close(self) -> None:
        """Report the last counts and stop following the feed, within some 2 s. What is known is still decided on."""
        self._closed = True
        link = self._link
        if link is not None:
            link.stop()
            link.follower.join(REFRESH_S)

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decide(self, token: str | bytes, scopes: Collection[str]) -> Verdict:
        if self._link is None:
            self._linked()
        if isinstance(token, str):
            if not token.isascii():
                return Refused(Reason.MALFORMED)
            token = token.encode("ascii")
        verdict = decide(self._views.view, token, self._clock())
        if isinstance(verdict, Accepted) and not set(scopes) <= set(verdict.grant.scopes):
            return Refused(Reason.INSUFFICIENT_SCOPE)
        return verdict

    def _counted(self, verdict: Verdict, at: Moment) -> Verdict:
        counts = (self._link or self._linked()).counts
        match verdict:
            case Accepted(grant):
                counts.add(grant.version, "accepted", at)
            case Refused(reason):
                counts.add(None, reason.value, at)
            case Unsure():
                counts.add(None, "unsure", at)
        return verdict

    def _refreshing(self) -> "Future[bool] | None":
        return None if self._closed else self._linked().refresher.ask()

    def _cached(self) -> Applied | None:
        if self._cache is None:
            return None
        try:
            view = self._cache.read(self._clock())
        except CacheError as error:
            self._events.emit(Kind.CACHE_FAILED, str(error))
            return None
        return None if view is None else Applied(view, None)

    def _linked(self) -> "_Link":
        """The link to the feed; after a fork, a new one."""
        with self._starting:
            if self._link is None:
                question = Question(self.audience, self._instance(), self._max_hold_ms)
                link = _Link(self._feed, question, self._views, self._events, self._cache, self._clock)
                if not self._closed:
                    link.follower.start()
                weakref.finalize(self, link.stop)
                self._link = link
            return self._link

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
        self._link = None


class _Link:
    """All that a fork leaves behind."""

    def __init__(
        self,
        feed: Feed,
        question: Question,
        views: Views,
        events: Events,
        cache: Cache | None,
        clock: Callable[[], Moment],
    ) -> None:
        self.counts = Counts()
        self.follower = Follower(feed, question, views, self.counts, events, cache)
        self.refresher = Refresher(feed, question, views, events, applied=self.follower.applied, clock=clock)
        self._pid = os.getpid()

    def stop(self) -> None:
        """In the process that started it; a child that ends leaves its parent's link alone."""
        if os.getpid() == self._pid:
            self.follower.stop()


_VERIFIERS: "weakref.WeakSet[Verifier]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for verifier in list(_VERIFIERS):
        verifier._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
