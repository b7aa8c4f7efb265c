"""A request that is over while it waits: its client has gone, or a time-out before us has answered it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import trio

from crossfade_verify import Verifier
from crossfade_verify.asgi import Message, Receive, RequireToken, Scope, Send
from fake_feed import FakeFeed
from material import AUDIENCE, accept_set, entry, token
from waiting import until

GOOD, UNKNOWN = token("current"), token("unknown")

Run = Callable[[Callable[[], Awaitable[None]]], None]
RUNS: dict[str, Run] = {
    "asyncio": lambda main: asyncio.run(main()),  # type: ignore[arg-type]
    "trio": lambda main: trio.run(main),
}


@pytest.fixture(params=RUNS)
def run(request: pytest.FixtureRequest) -> Run:
    return RUNS[request.param]


@pytest.fixture
def feed() -> Iterator[FakeFeed]:
    """Knows nothing yet, and hangs."""
    with FakeFeed() as feed:
        ends = feed.hang()
        yield feed
        ends.set()


class Server:
    """What a server hands an application, with nothing between."""

    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages
        self.sent: list[Message] = []
        self.reached: list[bytes] = []

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        await forever()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            self.reached.append(message["body"])
            if not message.get("more_body"):
                return


async def forever() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await trio.sleep_forever()
    else:
        await asyncio.get_running_loop().create_future()


def scope_of(token: str, kind: str = "http") -> dict[str, Any]:
    return {"type": kind, "headers": [(b"authorization", f"Bearer {token}".encode())]}


BODY: list[Message] = [
    {"type": "http.request", "body": b"a", "more_body": True},
    {"type": "http.request", "body": b"b", "more_body": False},
]


@pytest.mark.parametrize(
    ("kind", "messages"),
    [
        ("http", [{"type": "http.disconnect"}]),
        ("http", [*BODY, {"type": "http.disconnect"}]),
        ("websocket", [{"type": "websocket.connect"}, {"type": "websocket.disconnect"}]),
    ],
    ids=["at once", "after its body", "a websocket"],
)
def test_a_client_that_leaves_while_it_waits_is_not_answered(
    run: Run, feed: FakeFeed, kind: str, messages: list[Message]
) -> None:
    server = Server(list(messages))
    with Verifier(feed.feed(), AUDIENCE) as verifier:
        guarded = RequireToken(server.app, verifier)
        run(lambda: guarded(scope_of(UNKNOWN, kind), server.receive, server.send))
    assert server.sent == []
    assert server.reached == []


def test_what_a_client_says_while_it_waits_comes_to_the_application(run: Run) -> None:
    with FakeFeed(accept_set(entry("current"))) as feed:
        feed.age_ms = 70_000
        server = Server(list(BODY))
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a view, and an old one", lambda: verifier.status().entries)
            guarded = RequireToken(server.app, verifier)
            run(lambda: guarded(scope_of(GOOD), server.receive, server.send))
            assert [asked for asked in feed.asked if asked.get("cache-control") == "no-cache"], "it has waited"
    assert server.reached == [b"a", b"b"]


@pytest.mark.parametrize("missing", ["in_trio_task", "lowlevel"], ids=["an old trio", "one that is being imported"])
def test_a_trio_that_lacks_something_and_was_merely_imported_harms_nobody_on_asyncio(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(trio if missing == "lowlevel" else trio.lowlevel, missing)
    with FakeFeed(accept_set(entry("current"))) as feed:
        feed.age_ms = 70_000
        server = Server(list(BODY))
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a view, and an old one", lambda: verifier.status().entries)
            asyncio.run(RequireToken(server.app, verifier)(scope_of(GOOD), server.receive, server.send))
    assert server.reached == [b"a", b"b"]


def test_a_body_that_is_still_on_its_way_is_read_on_by_the_application(run: Run) -> None:
    """What we had begun to read when the wait was over is not lost."""
    with FakeFeed(accept_set(entry("current"))) as feed:
        feed.age_ms = 70_000
        server = Server(list(BODY[:1]))
        with Verifier(feed.feed(), AUDIENCE) as verifier:
            until("a view, and an old one", lambda: verifier.status().entries)

            async def late(scope: Scope, receive: Receive, send: Send) -> None:
                server.messages.append(BODY[1])
                await server.app(scope, receive, send)

            # This receive waits on a condition, as a server's does.
            async def receive() -> Message:
                while not server.messages:
                    await soon()
                return server.messages.pop(0)

            guarded = RequireToken(late, verifier)
            run(lambda: guarded(scope_of(GOOD), receive, server.send))
    assert server.reached == [b"a", b"b"]


async def soon() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await trio.sleep(0.01)
    else:
        await asyncio.sleep(0.01)


def test_a_time_out_that_ends_the_wait_leaves_nothing_behind(feed: FakeFeed) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        faults: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: faults.append(context))
        server = Server([])
        guarded = RequireToken(server.app, verifier)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(guarded(scope_of(UNKNOWN), server.receive, server.send), 0.1)
        assert server.sent == []
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
        assert faults == []

    with Verifier(feed.feed(), AUDIENCE) as verifier:
        asyncio.run(main())


def test_a_loop_that_ends_before_the_refresh_does_is_left_in_peace(run: Run, feed: FakeFeed) -> None:
    async def main() -> None:
        server = Server([{"type": "http.disconnect"}])
        await RequireToken(server.app, verifier)(scope_of(UNKNOWN), server.receive, server.send)

    with Verifier(feed.feed(), AUDIENCE) as verifier:
        run(main)
        assert verifier._link is not None
        refresher = verifier._link.refresher
        until("the refresh ends", lambda: refresher._running is None)


def test_a_server_that_says_that_its_client_has_gone_is_believed(feed: FakeFeed) -> None:
    async def gone(message: Message) -> None:
        raise ConnectionResetError

    async def main() -> None:
        server = Server([])
        await RequireToken(server.app, verifier)({"type": "http", "headers": []}, server.receive, gone)

    with Verifier(feed.feed(), AUDIENCE) as verifier:
        asyncio.run(main())
