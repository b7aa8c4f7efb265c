"""A cache file of an earlier release is read as it was meant."""

import json
import shutil
from pathlib import Path

from crossfade_verify import Accepted, Feed, Moment, Unsure, Verifier
from material import AUDIENCE, ROOT, VERIFIER

LEFT_BEHIND = ROOT / "tests" / "fixtures" / "0.1.0"


def test_a_cache_of_0_1_0_accepts_what_it_knew_and_refuses_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    shutil.copyfile(LEFT_BEHIND / "cache-python", cache)
    cache.chmod(0o600)
    tokens = json.loads((LEFT_BEHIND / "tokens.json").read_text())
    head = json.loads(cache.read_text())
    # A second later, on whatever machine and in whatever year this runs.
    later = Moment(head["boot_ms"] + 1_000, head["wall_ms"] + 1_000)
    nobody = Feed("http://127.0.0.1:9", VERIFIER)
    with Verifier(nobody, AUDIENCE, cache=cache, clock=lambda: later) as verifier:
        for name in ("current", "previous", "paused", "leaked"):
            assert isinstance(verifier.verify(tokens[name]), Accepted), name
        assert verifier.verify(tokens["ended"]) == Unsure()
