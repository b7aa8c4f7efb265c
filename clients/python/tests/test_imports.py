"""What a thread of ours imports first, a fork may catch half imported: then the child lacks it for good."""

import os
import subprocess
import sys
from pathlib import Path

from fake_feed import FakeFeed
from material import AUDIENCE, ROOT, VERIFIER

PROGRAM = """
import sys, time
from crossfade_verify import Feed, TokenSource, TokenUnavailableError, Verifier

url, credential, audience, cache = sys.argv[1:]
gone = ["http://127.0.0.1:1", "https://localhost:1"]
before = set(sys.modules)
for feed in Feed(url, credential), Feed(gone, credential):
    events = []
    with Verifier(feed, audience, cache=cache, on_event=events.append) as verifier:
        while not events:
            time.sleep(0.01)
        verifier.verify_or_refresh("nobody-s")
    try:
        TokenSource(feed, "mcp/slack-bot-token").token()
    except TokenUnavailableError:
        pass
print(*sorted(set(sys.modules) - before))
"""


def test_no_thread_of_ours_is_the_first_to_import_anything(tmp_path: Path) -> None:
    path = str(ROOT / "clients" / "python" / "src")
    with FakeFeed() as feed:
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, feed.url, VERIFIER, AUDIENCE, str(tmp_path / "cache")],
            env={**os.environ, "PYTHONPATH": path},
            timeout=120,
            capture_output=True,
            text=True,
        )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
