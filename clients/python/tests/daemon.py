"""The real daemon, on its embedded store, in a folder of its own."""

import json
import os
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from crossfade_verify import Feed
from material import AUDIENCE, BOT, VERIFIER
from waiting import until

SECRET = "mcp/slack-bot-token"
_HASHES = {
    VERIFIER: "db256134bc9f86671e89e6de81a3334f835c5b63ec9ba422d976523a946f8a76",
    BOT: "972208d1a0477a34ebf8085453ca4c2df4d7507945e36534caf6c810552010fd",
}


def program() -> str:
    found = os.environ.get("CROSSFADE_BIN")
    if not found or not Path(found).is_file():
        pytest.fail(
            "CROSSFADE_BIN has to name the daemon's program: run `cargo build`, then set it to target/debug/crossfade "
            "(`cargo xtask test` does both)"
        )
    return found


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Daemon:
    """One replica: a config, and a process that `start` makes. Replicas share a store by its folder."""

    def __init__(self, folder: Path, *, store: Path | None = None, freshness: str = "1s", grace: str = "30s") -> None:
        self.folder, self.port, self.metrics = folder, free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.program = program()
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text(f"""listen: 127.0.0.1:{self.port}
metrics_listen: 127.0.0.1:{self.metrics}
admin_socket: ./admin/crossfade.sock
store: {{kind: embedded, path: {store or folder / "data"}}}
audit_log: ./audit.jsonl
sync: 300ms
freshness: {freshness}
hold: 60s
secrets:
  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, scopes: [slack:search], grace: {grace}}}
clients:
  - {{id: slack-mcp-server, role: verifier, audiences: ["{AUDIENCE}"], credential_sha256: {_HASHES[VERIFIER]}}}
  - {{id: slack-bot-host, role: bot, secrets: [{SECRET}], credential_sha256: {_HASHES[BOT]}}}
""")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def feed(self) -> Feed:
        return Feed(self.url, VERIFIER)

    def start(self) -> "Daemon":
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--log-format", "text"], cwd=self.folder, stderr=log, env=_environment()
            )
        until("the daemon is ready", self._is_ready)
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def run(self, *arguments: str) -> str:
        command = [self.program, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def token(self) -> str:
        return self.run("token", SECRET).strip()

    def status(self) -> dict[str, Any]:
        done = self.run("status", SECRET, "-o", "json")
        found: dict[str, Any] = json.loads(done)[0]
        return found

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CROSSFADE_")}
