"""A server that is frozen between its requests, as in a Lambda: it looks before it accepts."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossfade_verify._refresher import REFRESH_S
from daemon import SECRET, Daemon, free_port
from material import ROOT, token
from waiting import until

HERE = Path(__file__).parent
# Longer than `accept_within`, which is freshness + sync: 1.3 s.
OLD_S = 1.8


class Frozen:
    """A server that runs for the length of a request."""

    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self._port = port = free_port()
        path = f"{ROOT / 'clients' / 'python' / 'src'}:{HERE}"
        program = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--port", str(port), "served_app:app"]
        environment = {**os.environ, "FEED": daemon.url, "PYTHONPATH": path}
        self.process = subprocess.Popen(program, env=environment, cwd=folder)

    def ask(self, token: str) -> int:
        """Send a request, and only then let it go on: that it had time before would say nothing."""
        head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=30) as connection:
                connection.sendall(head.encode())
                self.process.send_signal(signal.SIGCONT)
                return int(connection.makefile("rb").readline().split()[1])
        except (OSError, IndexError):
            return 0

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        until("it stands still", lambda: self._state() == "T")

    def ask_and_freeze(self, token: str) -> int:
        status = self.ask(token)
        self.freeze()
        # That time passes is what this is about.
        time.sleep(OLD_S)
        return status

    def _state(self) -> str:
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def server(daemon: Daemon, tmp_path: Path) -> Iterator[Frozen]:
    server = Frozen(daemon, tmp_path)
    try:
        until("it lets in", lambda: server.ask(daemon.token()) == 200)
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def test_what_was_ended_while_it_was_frozen_is_not_accepted_after_the_first_refresh(
    daemon: Daemon, server: Frozen
) -> None:
    ended = daemon.token()
    server.freeze()
    daemon.run("revoke", SECRET, "--all", "--yes")
    time.sleep(OLD_S)
    statuses: list[int] = []
    for _ in range(20):
        began = time.monotonic()
        status = server.ask_and_freeze(ended)
        if status == 200 and time.monotonic() - began > REFRESH_S + OLD_S:
            # The machine was too busy for a refresh in its time. Then what is known is accepted, as it has to be.
            assert 401 not in statuses, statuses
            continue
        statuses.append(status)
    assert set(statuses) == {401}, statuses


def test_while_the_daemon_is_down_what_is_known_goes_on(daemon: Daemon, server: Frozen) -> None:
    good = daemon.token()
    server.freeze()
    daemon.end()
    time.sleep(OLD_S)
    assert [server.ask_and_freeze(good) for _ in range(5)] == [200] * 5
    assert server.ask_and_freeze(token("unknown")) == 503
