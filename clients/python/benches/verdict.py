"""What a verdict costs beside one SHA-256 of the same token, while the feed is followed.

`cargo xtask bench clients` runs this with `tests` on the path, and reads what it prints: a name and nanoseconds of CPU
time on each line.
"""

import hashlib
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from crossfade_verify import Verifier
from crossfade_verify.asgi import RequireToken
from fake_feed import FakeFeed
from material import AUDIENCE, accept_set, entry, token

ROUNDS = 5
TIMES = 20_000

CURRENT, PREVIOUS, UNKNOWN = token("current"), token("previous"), token("unknown")
MALFORMED = CURRENT[:-1] + ("0" if CURRENT[-1] != "0" else "1")


async def application(scope: Any, receive: Any, send: Any) -> None:
    """What stands behind the guard, and says nothing."""


async def receive() -> Any:
    """The server's end: there is no body."""


async def send(message: Any) -> None:
    """The server's other end."""


def to_its_end(call: Any) -> None:
    """Without an event loop: nothing is waited for."""
    try:
        call.send(None)
    except StopIteration:
        return
    raise RuntimeError("it waits for something")


def request(bearer: str) -> dict[str, Any]:
    headers = [(b"host", b"mcp.example.com"), (b"authorization", b"Bearer " + bearer.encode())]
    return {"type": "http", "method": "POST", "path": "/mcp", "headers": headers}


def measured(work: Callable[[], object]) -> float:
    began = time.thread_time_ns()
    for _ in range(TIMES):
        work()
    return (time.thread_time_ns() - began) / TIMES


def main() -> None:
    bytes_of, far = CURRENT.encode(), int(time.time() * 1000) + 86_400_000
    text = accept_set(entry("current"), entry("previous", "previous", far), freshness_ms=3_600_000)
    with FakeFeed(text) as feed, Verifier(feed.feed(), AUDIENCE) as verifier:
        while verifier.verify(CURRENT) != verifier.verify_or_refresh(CURRENT):
            time.sleep(0.01)
        guard = RequireToken(application, verifier)
        # The guard takes the token out of the list that it was handed.
        cases: dict[str, Callable[[], object]] = {
            "sha256_ns": lambda: hashlib.sha256(bytes_of).digest(),
            "accepted_ns": lambda: verifier.verify(CURRENT),
            "previous_ns": lambda: verifier.verify(PREVIOUS),
            "unknown_ns": lambda: verifier.verify(UNKNOWN),
            "malformed_ns": lambda: verifier.verify(MALFORMED),
            "bare_ns": lambda: to_its_end(application(request(CURRENT), receive, send)),
            "guard_ns": lambda: to_its_end(guard(request(CURRENT), receive, send)),
        }
        taken: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, work in cases.items():
                taken[name].append(measured(work))
        for name, rounds in taken.items():
            print(name, round(median(rounds)))


if __name__ == "__main__":
    main()
