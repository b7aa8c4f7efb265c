"""What is left of a request that is not let in: it is read on for a while, and forgotten.

A server that closes a connection on which something unread stands resets it, and then a caller that is still sending
sees a broken pipe in the place of the 401 that tells it to fetch a newer token.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from ._waiting import Receive, at_most

MOST_BYTES = 32 << 20
"""It is read on for so many bytes. Whoever sends more may miss the answer."""

LIMIT_S = 10.0
"""And for so long."""

_SHORT_BYTES = 64 << 10


class When(Enum):
    """When what is left is read."""

    NEVER = auto()
    """There is none, or the caller waits for a word before it sends it."""
    BEFORE = auto()
    """Before the answer, which is sent in one then: it is short."""
    WITHIN = auto()
    """After the answer's body and before its end, upon which a server closes."""


def when_to_read(scope: Mapping[str, Any]) -> When:
    """Decide by the head of a request."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    length: bytes | None = headers.get(b"content-length")
    if b"expect" in headers:
        return When.NEVER
    if length is None:
        # HTTP/1 says that a body follows (RFC 9112, section 6.3), HTTP/2 does not.
        says = scope.get("http_version", "1.1").startswith("1")
        return When.NEVER if says and b"transfer-encoding" not in headers else When.WITHIN
    if not length.strip(b"0"):
        return When.NEVER
    return When.BEFORE if length.isdigit() and len(length) < 6 and int(length) <= _SHORT_BYTES else When.WITHIN


async def read_on(receive: Receive) -> None:
    """Read what is left, within bounds."""
    await at_most(LIMIT_S, lambda: _read(receive))


async def _read(receive: Receive) -> None:
    left = MOST_BYTES
    while left > 0:
        message = await receive()
        left -= max(1, len(message.get("body") or b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return
