"""What an answer of the feed says of its place in time: the header `Crossfade-Timing`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ._clock import Moment

_NUMBER = r"(0|[1-9][0-9]{0,15})"
_TIMING = re.compile(f"now={_NUMBER}, age={_NUMBER}, held={_NUMBER}(?:, nonce=([A-Za-z0-9._-]{{1,64}}))?")
_TOO_LARGE = 1 << 53


class Dropped(Exception):
    """Why an answer changes nothing: `no_timing`, `bad_timing`, `other_nonce`, `clocks_parted` or `older`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Place:
    """A view's place in time, when the answer's head had come."""

    now_ms: int
    age_ms: int


def place_of(timing: Sequence[str], nonce: str, sent: Moment, received: Moment, applied_place_ms: int | None) -> Place:
    """Read an answer's timing; `timing` is each value that the header had.

    `applied_place_ms` is the `now - age` of the view that is applied. For what is to be dropped: `Dropped`.
    """
    if not timing:
        raise Dropped("no_timing")
    found = _TIMING.fullmatch(timing[0])
    if len(timing) > 1 or found is None:
        raise Dropped("bad_timing")
    now_ms, age_ms, held_ms = (int(number) for number in found.group(1, 2, 3))
    if max(now_ms, age_ms, held_ms) >= _TOO_LARGE or age_ms > now_ms:
        raise Dropped("bad_timing")
    if found[4] != nonce:
        raise Dropped("other_nonce")
    if received.parted_since(sent):
        raise Dropped("clocks_parted")
    if applied_place_ms is not None and now_ms - age_ms < applied_place_ms:
        raise Dropped("older")
    transit_ms = max(0, received.elapsed_since_ms(sent) - held_ms)
    return Place(now_ms + transit_ms, age_ms + transit_ms)
