"""All that a verifier needs for one audience: digests, stages, deadlines. Never a token.

A set replaces the one before as a whole, so there is deliberately no way to add to one or to take from it. It
holds no age either: that is a `View`.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from . import _json
from ._grant import Accepted, Grant, Secret, Stage, created_at
from ._token import digest_text, parse_digest

MAX_BYTES = 32 << 20
"""The longest text that is read."""

_FRESHNESS_MS = (1_000, 3_600_000)
_LEAST_ACCEPT_WITHIN_MS = 1_000
_MAX_HOLD_MS = 7 * 24 * 3_600_000

_MILLISECOND = timedelta(milliseconds=1)

T = TypeVar("T")


class SetError(ValueError):
    """Why a set is rejected, as a whole: a name of `verify/vectors/README.md`. It says nothing of what stood there."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the accept set is rejected: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted version of one secret."""

    digest: bytes
    source: Secret
    client_id: str
    scopes: tuple[str, ...]
    created_ms: int
    grace_ms: int
    not_after_ms: int | None

    def grant(self, expires_in_ms: int) -> Grant:
        """What it stands for, for so long."""
        return Grant(self.client_id, self.client_id, self.scopes, expires_in_ms * _MILLISECOND, self.source)


@dataclass(frozen=True, slots=True)
class AcceptSet:
    """What one audience accepts."""

    audience: str
    freshness_ms: int
    """A view that refuses has to be younger than this."""
    hold_ms: int
    """A view that accepts may be as old as this."""
    accept_within_ms: int | None
    """On a view as old as this, whoever can wait refreshes before he accepts; `None`: `freshness_ms` counts."""
    entries: tuple[Entry, ...]
    """Sorted by digest."""
    known: "dict[bytes, Entry | Accepted]" = field(compare=False, repr=False)
    """By digest: an entry, or what it was accepted as. A token without a deadline is always accepted with its whole
    grace, so that is made once.

    Looked up by Python's own hash of a digest, which has a key of the process's own (SipHash): how long this takes
    tells nothing of the digests that stand here, and no choice of digests makes it slow.
    """

    def to_json(self) -> str:
        """Write the set as the daemon sends it, always in the same bytes (strings as in RFC 8785, 3.2.2.2)."""
        entries = [_fields(entry) for entry in self.entries]
        whole = {
            "format": 1,
            "audience": self.audience,
            "freshness_ms": self.freshness_ms,
            "hold_ms": self.hold_ms,
            **({} if self.accept_within_ms is None else {"accept_within_ms": self.accept_within_ms}),
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
    accept_within_ms = _whole_number(whole, "accept_within_ms") if "accept_within_ms" in whole else None
    if accept_within_ms is not None and accept_within_ms < _LEAST_ACCEPT_WITHIN_MS:
        raise SetError("accept_within")
    entries.sort(key=lambda entry: entry.digest)
    known: dict[bytes, Entry | Accepted] = {entry.digest: entry for entry in entries}
    if len(known) != len(entries):
        raise SetError("duplicate_digest")
    return AcceptSet(audience, freshness_ms, hold_ms, accept_within_ms, tuple(entries), known)


def _entry(item: object) -> Entry:
    digest = parse_digest(_text(item, "digest"))
    if digest is None:
        raise SetError("bad_digest")
    name = _text(item, "stage")
    if name not in list(Stage):
        raise SetError("unknown_stage")
    created_ms, deadline = _whole_number(item, "created_ms"), _member(item, "not_after_ms")
    entry = Entry(
        digest=digest,
        source=Secret(_text(item, "secret"), _text(item, "version"), Stage(name), created_at(created_ms)),
        client_id=_text(item, "client_id"),
        scopes=tuple(_of(str, scope) for scope in _of(list, _member(item, "scopes"))),
        created_ms=created_ms,
        grace_ms=_whole_number(item, "grace_ms"),
        not_after_ms=None if deadline is None else _of(int, deadline),
    )
    if (entry.source.stage is Stage.PREVIOUS) != (entry.not_after_ms is not None):
        raise SetError("without_deadline" if entry.not_after_ms is None else "with_deadline")
    return entry


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "digest": digest_text(entry.digest),
        "secret": entry.source.name,
        "version": entry.source.version,
        "stage": entry.source.stage,
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
