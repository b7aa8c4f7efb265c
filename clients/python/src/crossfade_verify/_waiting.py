"""How a request in an event loop waits for a thread of ours: on asyncio, and on trio.

Which of them runs is looked up, not imported: this package depends on neither.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future
from typing import Any, TypeVar

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
T = TypeVar("T")

_MOST_KEPT = 1 << 16
_GONE = ("http.disconnect", "websocket.disconnect")


def _trio() -> Any:
    """What runs this task, where that is trio."""
    trio: Any = sys.modules.get("trio")
    try:
        # Not `in_trio_task`: releases before 0.23 lack it. One that is just being imported lacks all of this.
        trio.lowlevel.current_task()
    except (AttributeError, RuntimeError):
        return None
    return trio


async def in_thread(what: Callable[..., T], *arguments: object) -> T:
    """What a function that waits returns."""
    trio = _trio()
    if trio is not None:
        returned: T = await trio.to_thread.run_sync(what, *arguments)
        return returned
    return await asyncio.to_thread(what, *arguments)


async def wait_for(running: "Future[None]", seconds: float) -> None:
    """Wait for its end, and for no longer than that."""
    await Client(None).wait_for(running, seconds)


async def at_most(seconds: float, what: Callable[[], Awaitable[None]]) -> None:
    """Wait for it, and call it off after so long."""
    trio = _trio()
    if trio is not None:
        with trio.move_on_after(seconds):
            await what()
        return
    try:
        async with asyncio.timeout(seconds):
            await what()
    except TimeoutError:
        pass


class Client:
    """The other end of an ASGI connection, listened to while its request waits: it may leave, or whatever stands
    before us may answer it. What it says meanwhile is kept for the application.
    """

    __slots__ = ("_bytes", "_kept", "_next", "_receive", "has_left", "was_waited_for")

    def __init__(self, receive: Receive | None) -> None:
        self.has_left = self.was_waited_for = False
        self._receive = receive
        self._kept: deque[Message] = deque()
        self._bytes = 0
        self._next: asyncio.Future[Message] | None = None

    async def receive(self) -> Message:
        """As the server's own, from the first message on."""
        if self._kept:
            return self._kept.popleft()
        if self._next is not None:
            # Begun by us. To call it off might lose what it has read.
            begun, self._next = self._next, None
            return await begun
        if self._receive is None:
            raise RuntimeError("there is no client to hear from")
        return await self._receive()

    async def wait_for(self, running: "Future[None]", seconds: float) -> None:
        """Wait for its end, and for no longer than that, nor after the client has left."""
        self.was_waited_for = True
        await (self._on_asyncio if _trio() is None else self._on_trio)(running, seconds)

    def close(self) -> None:
        """Its request is over."""
        if self._next is not None:
            self._next.cancel()

    def _listens(self) -> bool:
        return self._receive is not None and not self.has_left and self._bytes < _MOST_KEPT

    def _keep(self, message: Message) -> None:
        self.has_left = message["type"] in _GONE
        self._kept.append(message)
        self._bytes += len(message.get("body") or b"")

    async def _on_asyncio(self, running: "Future[None]", seconds: float) -> None:
        ended = asyncio.wrap_future(running)
        clock = asyncio.get_running_loop().time
        ends = clock() + seconds
        while not self.has_left and not ended.done() and clock() < ends:
            if self._next is None and self._receive is not None and self._listens():
                self._next = asyncio.ensure_future(self._receive())
            events: list[asyncio.Future[Any]] = [ended]
            if self._next is not None and not self._next.done():
                events.append(self._next)
            await asyncio.wait(events, timeout=ends - clock(), return_when=asyncio.FIRST_COMPLETED)
            # One that has failed stays there: that is the application's to hear of.
            if self._next is not None and self._next.done() and _has_result(self._next):
                self._keep(self._next.result())
                self._next = None

    async def _on_trio(self, running: "Future[None]", seconds: float) -> None:
        trio = _trio()
        ended, token = trio.Event(), trio.lowlevel.current_trio_token()

        def wake(_: object) -> None:
            try:
                token.run_sync_soon(ended.set)
            except trio.RunFinishedError:
                pass

        running.add_done_callback(wake)
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen, nursery.cancel_scope.cancel)
                await ended.wait()
                nursery.cancel_scope.cancel()

    async def _listen(self, leave: Callable[[], None]) -> None:
        while self._receive is not None and self._listens():
            try:
                # Called off in the middle, it has taken nothing: trio holds everybody to that.
                self._keep(await self._receive())
            except Exception:
                # The application hears of it, when it asks.
                return
        if self.has_left:
            leave()


def _has_result(done: "asyncio.Future[Message]") -> bool:
    return not done.cancelled() and done.exception() is None
