"""All that a verifier needs for one audience: digests, stages, deadlines. Never a token.

A set replaces the one before as a whole, so there is deliberately no way to add to one or to take from it. It
holds no age either: that is a `View`.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from . import _json
from ._token import digest_text, parse_digest

MAX_BYTES = 32 << 20
"""The longest text that is read."""

_FRESHNESS_MS = (1_000, 3_600_000)
_MAX_HOLD_MS = 7 * 24 * 3_600_000

T = TypeVar("T")


class SetError(ValueError):
    """Why a set is rejected, as a whole: a name of `verify/vectors/README.md`. It says nothing of what stood there."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the accept set is rejected: {reason}")
        self.reason = reason


class Stage(StrEnum):
    """Where a version stands in its life."""

    PENDING = "pending"
    CURRENT = "current"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted version of one secret."""

    digest: bytes
    secret: str
    version: str
    stage: Stage
    client_id: str
    scopes: tuple[str, ...]
    created_ms: int
    grace_ms: int
    not_after_ms: int | None


@dataclass(frozen=True, slots=True)
class AcceptSet:
    """What one audience accepts."""

    audience: str
    freshness_ms: int
    """A view that refuses has to be younger than this."""
    hold_ms: int
    """A view that accepts may be as old as this."""
    entries: tuple[Entry, ...]
    """Sorted by digest."""
    _index: dict[bytes, tuple[Entry, ...]]

    def find(self, digest: bytes) -> Entry | None:
        """The entry with this digest. What the index leaves is compared in constant time."""
        for entry in self._index.get(digest[:8], ()):
            if hmac.compare_digest(entry.digest, digest):
                return entry
        return None

    def to_json(self) -> str:
        """Write the set as the daemon sends it, always in the same bytes (strings as in RFC 8785, 3.2.2.2)."""
        entries = [_fields(entry) for entry in self.entries]
        whole = {
            "format": 1,
            "audience": self.audience,
            "freshness_ms": self.freshness_ms,
            "hold_ms": self.hold_ms,
            "entries": entries,
        }
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def parse_accept_set(text: bytes, audience: str) -> AcceptSet:
    """Read a set as the daemon sends it. For any fault in it the whole is rejected, with a `SetError`."""
    if len(text) > MAX_BYTES:
        raise SetError("too_large")
    try:
        whole = _json.parse(text)
    except _json.Fault as fault:
        raise SetError(fault.reason) from None
    entries = [_entry(item) for item in _of(list, _member(whole, "entries"))]
    if _whole_number(whole, "format") != 1:
        raise SetError("unknown_format")
    if _text(whole, "audience") != audience:
        raise SetError("other_audience")
    freshness_ms, hold_ms = _whole_number(whole, "freshness_ms"), _whole_number(whole, "hold_ms")
    if not _FRESHNESS_MS[0] <= freshness_ms <= _FRESHNESS_MS[1]:
        raise SetError("freshness")
    if not freshness_ms <= hold_ms <= _MAX_HOLD_MS:
        raise SetError("hold")
    entries.sort(key=lambda entry: entry.digest)
    if len({entry.digest for entry in entries}) != len(entries):
        raise SetError("duplicate_digest")
    return AcceptSet(audience, freshness_ms, hold_ms, tuple(entries), _indexed(entries))


def _indexed(entries: Iterable[Entry]) -> dict[bytes, tuple[Entry, ...]]:
    index: dict[bytes, tuple[Entry, ...]] = {}
    for entry in entries:
        start = entry.digest[:8]
        index[start] = (*index.get(start, ()), entry)
    return index


def _entry(item: object) -> Entry:
    digest = parse_digest(_text(item, "digest"))
    if digest is None:
        raise SetError("bad_digest")
    name = _text(item, "stage")
    if name not in list(Stage):
        raise SetError("unknown_stage")
    deadline = _member(item, "not_after_ms")
    entry = Entry(
        digest=digest,
        secret=_text(item, "secret"),
        version=_text(item, "version"),
        stage=Stage(name),
        client_id=_text(item, "client_id"),
        scopes=tuple(_of(str, scope) for scope in _of(list, _member(item, "scopes"))),
        created_ms=_whole_number(item, "created_ms"),
        grace_ms=_whole_number(item, "grace_ms"),
        not_after_ms=None if deadline is None else _of(int, deadline),
    )
    if (entry.stage is Stage.PREVIOUS) != (entry.not_after_ms is not None):
        raise SetError("without_deadline" if entry.not_after_ms is None else "with_deadline")
    return entry


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "digest": digest_text(entry.digest),
        "secret": entry.secret,
        "version": entry.version,
        "stage": entry.stage,
        "client_id": entry.client_id,
        "scopes": entry.scopes,
        "created_ms": entry.created_ms,
        "grace_ms": entry.grace_ms,
        "not_after_ms": entry.not_after_ms,
    }


def _of(kind: type[T], value: object) -> T:
    # Exactly: true is an int to Python.
    if type(value) is not kind:
        raise SetError("wrong_type")
    return value


def _member(item: object, key: str) -> object:
    fields: dict[str, object] = _of(dict, item)
    if key not in fields:
        raise SetError("missing_key")
    return fields[key]


def _text(item: object, key: str) -> str:
    return _of(str, _member(item, key))


def _whole_number(item: object, key: str) -> int:
    return _of(int, _member(item, key))
