"""What was decided, counted for the daemon's `POST /v1/reports`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from threading import get_ident

from ._clock import Moment

_MOST_COUNT = (1 << 32) - 1
_ROWS = 64
"""In one report, so that it stays under the daemon's 16 KiB."""


@dataclass(slots=True)
class _Cell:
    """Written by one thread alone, so that counting takes no lock and loses nothing."""

    count: int
    last: Moment


@dataclass(frozen=True, slots=True)
class Report:
    """A body to send, and what `confirm` needs once it was taken."""

    body: bytes
    sent: dict[tuple[str | None, str], int]


class Counts:
    """Counts verdicts by version; one thread reports them."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, str | None, str], _Cell] = {}
        self._confirmed: dict[tuple[str | None, str], int] = {}

    def add(self, version: str | None, verdict: str, at: Moment) -> None:
        """Count one verdict."""
        key = (get_ident(), version, verdict)
        cell = self._cells.get(key)
        if cell is None:
            self._cells[key] = _Cell(1, at)
        else:
            cell.count += 1
            cell.last = at

    def totals(self) -> dict[tuple[str | None, str], int]:
        """All that was counted so far, by version and verdict."""
        return {key: count for key, (count, _) in self._summed().items()}

    def report(self, audience: str, instance: str, at: Moment) -> Report | None:
        """What was not reported yet; none if there is nothing. Ask again after `confirm`: it may be one of several."""
        rows: list[dict[str, object]] = []
        sent: dict[tuple[str | None, str], int] = {}
        for key, (count, last) in self._summed().items():
            new = min(count - self._confirmed.get(key, 0), _MOST_COUNT)
            if new > 0 and len(rows) < _ROWS:
                version, verdict = key
                ago_ms = at.elapsed_since_ms(last)
                rows.append({"version": version, "verdict": verdict, "count": new, "last_ms_ago": ago_ms})
                sent[key] = new
        if not rows:
            return None
        body = {"audience": audience, "instance": instance, "counts": rows}
        return Report(json.dumps(body, separators=(",", ":")).encode(), sent)

    def confirm(self, report: Report, stands: Callable[[str], bool]) -> None:
        """It was taken. Versions that stand no longer, and have nothing left to report, are forgotten."""
        for key, count in report.sent.items():
            self._confirmed[key] = self._confirmed.get(key, 0) + count
        for key, (count, _) in self._summed().items():
            version, verdict = key
            if version is not None and not stands(version) and count == self._confirmed.get(key):
                for cell in [cell for cell in list(self._cells) if cell[1:] == (version, verdict)]:
                    del self._cells[cell]
                del self._confirmed[key]

    def _summed(self) -> dict[tuple[str | None, str], tuple[int, Moment]]:
        summed: dict[tuple[str | None, str], tuple[int, Moment]] = {}
        # A copy in one step: other threads add cells meanwhile.
        for (_, version, verdict), cell in list(self._cells.items()):
            count, last = summed.get((version, verdict), (0, cell.last))
            newer = last if last.boot_ms >= cell.last.boot_ms else cell.last
            summed[version, verdict] = (count + cell.count, newer)
        return summed
