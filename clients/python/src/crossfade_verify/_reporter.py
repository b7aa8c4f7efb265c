"""Reports what was decided, in a thread of its own: the one that follows the feed waits for its answers."""

import threading
from collections.abc import Callable

from ._clock import read_clocks
from ._counts import Counts, Report
from ._events import Events, Kind
from ._exchange import Question, Refusal
from ._feed import Feed, Replica
from ._transport import Connection, TransportError
from ._views import Views

EVERY_S = 10.0

_ANSWER_S, _LAST_ANSWER_S = 5.0, 1.0
_ANSWER_BYTES = 1 << 16
_UNREADABLE = (400, 413)


class Reporter:
    """The thread. It asks whom the other one follows, on a connection for each report: what counts something is never
    sent twice, and on one that was kept nobody could tell whether it was read.
    """

    def __init__(
        self,
        feed: Feed,
        question: Question,
        views: Views,
        counts: Counts,
        events: Events,
        replica: Callable[[], Replica],
    ) -> None:
        self._feed, self._question, self._views = feed, question, views
        self._counts, self._events, self._replica = counts, events, replica
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crossfade-reports", daemon=True)

    def start(self) -> None:
        """Begin. `RuntimeError`: there is no thread to be had."""
        self._thread.start()

    def stop(self) -> None:
        """End, after a last report."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        """Wait for the end: by then the last counts were reported, if the daemon could be reached."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._report()
        self._report()

    def _report(self) -> None:
        question = self._question
        connection = Connection(self._feed, self._replica())
        try:
            while report := self._counts.report(question.audience, question.instance, read_clocks()):
                self._send(connection, report)
                self._counts.confirm(report, self._stands)
        except (TransportError, Refusal) as error:
            self._events.emit(Kind.REPORT_FAILED, f"{connection.replica.url}: {error}")
        except Exception as error:
            # As in the follower: a fault of ours must not end the thread.
            self._events.emit(Kind.REPORT_FAILED, f"a fault of this library's: {type(error).__name__}")
        finally:
            connection.close()

    def _send(self, connection: Connection, report: Report) -> None:
        answer = connection.request(
            "POST",
            "/v1/reports",
            {"Content-Type": "application/json"},
            timeout=_LAST_ANSWER_S if self._stop.is_set() else _ANSWER_S,
            most=_ANSWER_BYTES,
            body=report.body,
        )
        if answer.status in _UNREADABLE:
            # It would be unreadable the next time too, and keep what comes after it from being counted.
            detail = f"the report was not read, with status {answer.status}, and is dropped"
            self._events.emit(Kind.REPORT_FAILED, f"{connection.replica.url}: {detail}")
        elif answer.status != 204:
            raise Refusal(f"the report was not taken, with status {answer.status}: it is sent again later")

    def _stands(self, version: str) -> bool:
        view = self._views.view
        return view is not None and any(entry.source.version == version for entry in view.set.entries)
