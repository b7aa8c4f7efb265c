"""Verifies Crossfade's rotating bearer tokens locally, from a set of digests.

A `Verifier` follows the daemon's feed and decides on tokens by itself. `crossfade_verify.asgi` guards an ASGI
application with one, `crossfade_verify.mcp` and `crossfade_verify.fastmcp` are the hooks of those SDKs, and a
`TokenSource` hands a bot the current token.

`decide` is the decision alone: without I/O, a thread or a clock.
"""

from ._accept_set import AcceptSet, Entry, SetError, parse_accept_set
from ._cache_file import CachePathError
from ._clock import Moment, read_clocks
from ._events import Event, Kind
from ._feed import Feed
from ._grant import Accepted, Grant, Secret, Source, Stage
from ._source import TokenSource, TokenUnavailableError
from ._verdict import Reason, Refused, Unsure, Verdict, View, decide
from ._verifier import Verifier
from ._views import Status

__all__ = [
    "AcceptSet",
    "Accepted",
    "CachePathError",
    "Entry",
    "Event",
    "Feed",
    "Grant",
    "Kind",
    "Moment",
    "Reason",
    "Refused",
    "Secret",
    "SetError",
    "Source",
    "Stage",
    "Status",
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
