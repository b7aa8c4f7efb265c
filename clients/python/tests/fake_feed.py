"""A feed that says what a test wants, to whoever asks."""

import hashlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from crossfade_verify import Feed
from material import VERIFIER, accept_set, entry

Respond = Callable[["Handler"], bool]


class FakeFeed:
    """Answers as the protocol says, unless `respond` answers first."""

    def __init__(self, text: str | None = None, *, longest_hold_s: float = 60.0) -> None:
        self.text = accept_set(entry("current")) if text is None else text
        self.now_ms: int | None = None
        """The store's time; by default this machine's."""
        self.age_ms = 0
        self.behind_ms = 0
        """How much earlier its place in time is than another replica's."""
        self.respond: Respond = lambda handler: False
        self.asked: list[dict[str, str]] = []
        self.reports: list[bytes] = []
        self.longest_hold_s = longest_hold_s
        self.changed = threading.Condition()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.feed = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def feed(self) -> Feed:
        return Feed(self.url, VERIFIER)

    def hang(self) -> threading.Event:
        """Answer nobody, until that is set."""
        ends = threading.Event()
        self.respond = lambda handler: ends.wait(60) and False
        return ends

    def publish(self, text: str) -> None:
        with self.changed:
            self.text = text
            self.changed.notify_all()

    def etag(self) -> str:
        return '"' + hashlib.sha256(self.text.encode()).hexdigest()[:16] + '"'

    def is_applied_by_all(self) -> bool:
        """Each process that has asked by now has acknowledged what is published."""
        last = {asked["crossfade-instance"]: asked.get("if-none-match") for asked in list(self.asked)}
        return set(last.values()) == {self.etag()}

    def close(self) -> None:
        with self.changed:
            self.longest_hold_s = 0
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self) -> "FakeFeed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    feed: FakeFeed

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may leave as they like."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        feed = self.server.feed
        feed.asked.append({name.lower(): value for name, value in self.headers.items()})
        if feed.respond(self):
            return
        began = time.monotonic()
        tag = self.headers.get("If-None-Match")
        wait = self.headers.get("Prefer", "")
        if wait.startswith("wait="):
            with feed.changed:
                feed.changed.wait_for(lambda: tag != self.etag(), min(float(wait[5:]), feed.longest_hold_s))
        held_ms = int((time.monotonic() - began) * 1000)
        self.answer(304 if tag == self.etag() else 200, held_ms=held_ms)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        feed = self.server.feed
        if feed.respond(self):
            return
        feed.reports.append(body)
        self.send_response(204)
        self.end_headers()

    def etag(self) -> str:
        return self.server.feed.etag()

    def answer(self, status: int, *, held_ms: int = 0, headers: dict[str, str] | None = None) -> bool:
        feed = self.server.feed
        nonce = self.headers["Crossfade-Nonce"]
        now_ms = (int(time.time() * 1000) if feed.now_ms is None else feed.now_ms) - feed.behind_ms
        timing = f"now={now_ms}, age={feed.age_ms}, held={held_ms}, nonce={nonce}"
        return self.reply(
            status, {"Crossfade-Timing": timing, "ETag": self.etag(), **(headers or {})}, feed.text.encode()
        )

    def reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> bool:
        """True, so that it can end a `respond`."""
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)
        return True

    def log_message(self, *arguments: Any) -> None:
        """Nothing on stderr."""
