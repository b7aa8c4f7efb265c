"""Strict JSON (RFC 8259), for input that may be hostile.

Stricter than the standard library's reader: no key twice in an object at any level, no number of 2^53 or
more, no half of a surrogate pair, bounded nesting, and a bounded number of values, since each costs much more memory
and time than its few bytes. A number that is not written with digits alone comes back as a float, so that no caller
takes it for a whole one.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

MAX_DEPTH = 16
"""How many objects and arrays may be open at once."""

MAX_MARKS = 1 << 22
"""How many commas and opening brackets a text may have: no more values than these are made of it. The largest accept
set, of 32 MiB, has about half as many, if it is made of entries and not of scopes alone."""

_HALF_PAIR = re.compile("[\ud800-\udfff]")

TOO_LARGE = 1 << 53
"""From here on a double no longer holds each whole number."""


class Fault(ValueError):
    """Why a text can't be read: `not_json`, `too_deep`, `too_large`, `duplicate_key` or `large_number`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(text: bytes) -> Any:
    """Read a text as a whole."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_MARKS:
        raise Fault("too_large")
    try:
        value = _DECODER.decode(text.decode("utf-8"))
    except RecursionError:
        raise Fault("too_deep") from None
    except Fault:
        raise
    except ValueError:
        # Without its cause: that one holds the text.
        raise Fault("not_json") from None
    # Only an escape can bring in half of a pair.
    _check(value, b"\\u" in text)
    return value


def _check(value: object, escapes: bool) -> None:
    level, depth = [value], 0
    while level:
        if escapes and any(isinstance(item, str) and _HALF_PAIR.search(item) for item in level):
            raise Fault("not_json")
        open_ones = [item for item in level if isinstance(item, dict | list)]
        depth += bool(open_ones)
        if depth > MAX_DEPTH:
            raise Fault("too_deep")
        level = [inner for item in open_ones for inner in _inner(item, escapes)]


def _inner(value: "dict[str, Any] | list[Any]", escapes: bool) -> Iterable[Any]:
    if isinstance(value, list):
        return value
    return [*value, *value.values()] if escapes else value.values()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Fault("duplicate_key")
    return found


def _number(text: str) -> float | int:
    value = float(text)
    if not abs(value) < TOO_LARGE:
        raise Fault("large_number")
    return int(text) if text.isdigit() else value


def _constant(_text: str) -> NoReturn:
    raise Fault("not_json")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_constant)
