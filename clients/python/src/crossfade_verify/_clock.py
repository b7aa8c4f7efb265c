"""How time passes for a verifier: on two clocks, because one of them may have stopped.

Only `read_clocks` reads a clock; everywhere else a reading is an argument. No two machines' readings
are ever compared.
"""

import time
from time import clock_gettime_ns, time_ns
from typing import NamedTuple

MAX_PARTED_MS = 2_000
"""How far two clocks may part before neither is believed to have counted all the time that passed."""

# Runs on while the machine is suspended. Where the system has none, its monotonic clock has to do: the wall
# clock then shows a suspension.
_BOOT: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Moment(NamedTuple):
    """A reading of both clocks, in milliseconds."""

    boot_ms: int
    """A clock that is never set, and runs on while the machine is suspended."""
    wall_ms: int
    """The wall clock, since the Unix epoch."""

    def elapsed_since_ms(self, earlier: "Moment") -> int:
        """How long after `earlier` this is, by the clock that says more; one that ran back says nothing."""
        boot_ms, wall_ms = self.boot_ms - earlier.boot_ms, self.wall_ms - earlier.wall_ms
        longer_ms = boot_ms if boot_ms > wall_ms else wall_ms
        return longer_ms if longer_ms > 0 else 0

    def parted_since(self, earlier: "Moment") -> bool:
        """Whether the two clocks say too different things about the time since `earlier`."""
        boot = self.boot_ms - earlier.boot_ms
        wall = self.wall_ms - earlier.wall_ms
        return abs(boot - wall) > MAX_PARTED_MS


def read_clocks() -> Moment:
    """This machine's clocks, now."""
    # Each verdict begins with this: past the constructor, which is a call of Python's.
    return tuple.__new__(Moment, (clock_gettime_ns(_BOOT) // 1_000_000, time_ns() // 1_000_000))
