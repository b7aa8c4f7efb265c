"""Strict JSON (RFC 8259), for input that may be hostile.

Stricter than the standard library's reader: no key twice in an object at any level, no number of 2^53 or
more, no half of a surrogate pair, bounded nesting. A number that is not written with digits alone comes back
as a float, so that no caller takes it for a whole one.
"""

import json
from typing import Any, NoReturn

MAX_DEPTH = 16
"""How many objects and arrays may be open at once."""

TOO_LARGE = 1 << 53
"""From here on a double no longer holds each whole number."""


class Fault(ValueError):
    """Why a text can't be read: `not_json`, `too_deep`, `duplicate_key` or `large_number`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(text: bytes) -> Any:
    """Read a text as a whole."""
    try:
        value = _DECODER.decode(text.decode("utf-8"))
    except RecursionError:
        raise Fault("too_deep") from None
    except Fault:
        raise
    except ValueError:
        # Without its cause: that one holds the text.
        raise Fault("not_json") from None
    _check(value, 1, b"\\u" in text)
    return value


def _check(value: object, depth: int, escapes: bool) -> None:
    if isinstance(value, str):
        # Only an escape can bring in half of a pair.
        if escapes and any("\ud800" <= char <= "\udfff" for char in value):
            raise Fault("not_json")
    elif isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise Fault("too_deep")
        inner = value if isinstance(value, list) else [*value.keys(), *value.values()]
        for item in inner:
            _check(item, depth + 1, escapes)


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
