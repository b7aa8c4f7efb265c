"""The cache file that version 0.1.0 wrote: one line, of format 1, with the set as a string in it."""

from typing import Any


def is_one(head: Any) -> bool:
    """Whether this first line is such a file."""
    return isinstance(head, dict) and head.get("format") == 1 and "set" in head


def lines(head: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What stands in the second and the third line today."""
    return {**head, "boot": head["boot"] or ""}, head["set"].encode()
