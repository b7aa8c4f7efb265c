"""A program that leaves a verifier open ends all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fake_feed import FakeFeed
from material import AUDIENCE, ROOT, VERIFIER

MAKES_ONE = f"""
from crossfade_verify import Feed, Verifier

verifier = Verifier(Feed("URL", {VERIFIER!r}), {AUDIENCE!r})

def test_it_is_made():
    assert verifier.verify("short")
"""


@pytest.mark.parametrize(
    "how", [["one.py"], ["-m", "pytest", "-p", "no:cacheprovider", "one.py"]], ids=["a script", "pytest"]
)
def test_it_ends_by_itself(how: list[str], tmp_path: Path) -> None:
    with FakeFeed() as feed:
        ends = feed.hang()
        (tmp_path / "one.py").write_text(MAKES_ONE.replace("URL", feed.url))
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
        # Limited so that a failure is one: it ends at once, or never.
        done = subprocess.run(
            [sys.executable, *how], cwd=tmp_path, env=environment, timeout=120, capture_output=True, text=True
        )
        ends.set()
    assert done.returncode == 0, done.stdout + done.stderr
