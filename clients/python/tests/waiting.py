"""Waiting for conditions, not for times."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
"""Long, for a slow machine."""


def until(what: str, condition: Callable[[], T]) -> T:
    ends = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < ends, f"never came: {what}"
        time.sleep(0.01)
    return found
