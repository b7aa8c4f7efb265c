"""Verifies Crossfade's rotating bearer tokens locally, from a set of digests.

A `Verifier` follows the daemon's feed and decides on tokens by itself. `crossfade_verify.asgi` guards an ASGI
application with one, `crossfade_verify.mcp` and `crossfade_verify.fastmcp` are the hooks of those SDKs, and a
`TokenSource` hands a bot the current token.

`decide` is the decision alone: without I/O, a thread or a clock.
"""

from ._accept_set import AcceptSet, Entry, SetError, Stage, parse_accept_set
from ._clock import Moment, read_clocks
from ._events import Event, Kind
from ._feed import Feed
from ._source import TokenSource, TokenUnavailableError
from ._verdict import Accepted, Grant, Reason, Refused, Unsure, Verdict, View, decide
from ._verifier import Verifier

__all__ = [
    "AcceptSet",
    "Accepted",
    "Entry",
    "Event",
    "Feed",
    "Grant",
    "Kind",
    "Moment",
    "Reason",
    "Refused",
    "SetError",
    "Stage",
    "TokenSource",
    "TokenUnavailableError",
    "Unsure",
    "Verdict",
    "Verifier",
    "View",
    "decide",
    "parse_accept_set",
    "read_clocks",
]
