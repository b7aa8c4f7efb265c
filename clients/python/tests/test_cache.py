"""The cache file: a server starts while the daemon is down, and no restart renews `hold`."""

import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crossfade_verify import Accepted, Event, Feed, Kind, Moment, Unsure, Verifier, read_clocks
from fake_feed import FakeFeed
from material import AUDIENCE, VERIFIER, accept_set, entry, token
from waiting import until

GOOD, UNKNOWN = token("current"), token("unknown")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that a verifier wrote, as if of a feed where nobody is now."""
    path = tmp_path / "cache.json"
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=path):
        until("the cache", path.exists)
    change(path, lambda record: record.update(feed=[NOBODY]))
    return path


def change(path: Path, how: Callable[[dict[str, Any]], None]) -> None:
    record = json.loads(path.read_text())
    how(record)
    path.write_text(json.dumps(record))


def started(cache: Path, audience: str = AUDIENCE, **options: Any) -> tuple[Verifier, list[Event]]:
    events: list[Event] = []
    return Verifier(Feed(NOBODY, VERIFIER), audience, cache=cache, on_event=events.append, **options), events


def at(moment: Moment) -> Callable[[], Moment]:
    return lambda: moment


def faults(events: list[Event]) -> list[str]:
    return [event.detail for event in events if event.kind is Kind.CACHE_FAILED]


def test_a_cache_holds_digests_and_is_this_users_alone(cache: Path) -> None:
    content = cache.read_text()
    assert GOOD not in content
    assert VERIFIER not in content
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert list(cache.parent.iterdir()) == [cache]


def test_from_a_cache_what_is_known_is_accepted_and_nothing_refused(cache: Path) -> None:
    verifier, events = started(cache)
    with verifier:
        assert isinstance(verifier.verify(GOOD), Accepted)
        assert verifier.verify(UNKNOWN) == Unsure()
        assert not verifier.is_fresh
        assert faults(events) == []


def test_a_restart_in_a_loop_does_not_renew_hold(cache: Path) -> None:
    ages = []
    for hours in range(1, 30):
        now = read_clocks()
        later = Moment(now.boot_ms + hours * 3_600_000, now.wall_ms + hours * 3_600_000)
        verifier, _ = started(cache, clock=at(later))
        with verifier:
            assert isinstance(verifier.verify(GOOD), Accepted) == (hours < 24), hours
            assert verifier.view is not None
            ages.append(verifier.view.age_ms // 3_600_000)
    assert ages == list(range(1, 30))


def test_a_hold_of_our_own_counts_over_restarts_too(cache: Path) -> None:
    change(cache, lambda record: record.update(age_ms=3_600_001))
    verifier, _ = started(cache, max_hold=timedelta(hours=1))
    with verifier:
        assert verifier.verify(GOOD) == Unsure()


def test_over_a_boot_the_wall_clock_counts(cache: Path) -> None:
    change(cache, lambda record: record.update(boot="another", wall_ms=record["wall_ms"] - 90_000_000))
    verifier, _ = started(cache)
    with verifier:
        assert verifier.verify(GOOD) == Unsure()
    change(cache, lambda record: record.update(wall_ms=record["wall_ms"] + 180_000_000))
    verifier, events = started(cache)
    with verifier:
        assert verifier.view is None, "nothing has counted the time since"
        assert "is the clock right" in faults(events)[0]


def test_a_clock_that_was_set_back_since_does_not_make_a_view_younger(cache: Path) -> None:
    change(cache, lambda record: record.update(boot_ms=record["boot_ms"] - 90_000_000, wall_ms=record["wall_ms"] * 2))
    verifier, _ = started(cache)
    with verifier:
        assert verifier.verify(GOOD) == Unsure()


def test_a_deadline_is_kept_from_a_cache(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    with FakeFeed() as feed:
        feed.now_ms = 1_795_000_000_000
        feed.text = accept_set(entry("current"), entry("old", "previous", 1_795_000_030_000))
        with Verifier(feed.feed(), AUDIENCE, cache=path):
            until("the cache", path.exists)
        for after_ms, is_accepted in ((0, True), (31_000, False)):
            now = read_clocks()
            later = Moment(now.boot_ms + after_ms, now.wall_ms + after_ms)
            feed.respond = lambda handler: handler.reply(503, {})
            with Verifier(feed.feed(), AUDIENCE, cache=path, clock=at(later)) as verifier:
                assert isinstance(verifier.verify(token("old")), Accepted) == is_accepted
                assert isinstance(verifier.verify(GOOD), Accepted)


def give_to_another_group(path: Path) -> None:
    path.chmod(0o660)
    os.chown(path, -1, 4_242)


def make_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


BAD = [
    ("others may read it", lambda path: path.chmod(0o604), "mode 0600"),
    ("others may write it", lambda path: path.chmod(0o662), "mode 0600"),
    ("another group's", give_to_another_group, "mode 0600"),
    ("a folder", lambda path: (path.unlink(), path.mkdir()), "can't be read"),
    ("a link", lambda path: (path.rename(path.with_name("x")), path.symlink_to("x")), "can't be read"),
    ("a pipe", make_a_pipe, "mode 0600"),
    ("another user's", lambda path: os.chown(path, 65_534, 65_534), "mode 0600"),
    ("cut off", lambda path: path.write_text(path.read_text()[:-9]), "damaged"),
    ("no object", lambda path: path.write_text("[]"), "damaged"),
    ("of numbers that are none", lambda path: change(path, lambda record: record.update(age_ms="0")), "damaged"),
    ("of a set with a fault", lambda path: change(path, lambda record: record.update(set="{}")), "damaged"),
    ("of another version", lambda path: change(path, lambda record: record.update(format=2)), "version"),
    ("of another feed", lambda path: change(path, lambda record: record.update(feed=["x"])), "audience or feed"),
    ("of another audience", lambda path: change(path, lambda record: record.update(audience="x")), "audience or feed"),
]


@pytest.mark.parametrize(("what", "damage", "why"), BAD, ids=[what for what, _, _ in BAD])
def test_a_cache_that_can_t_be_trusted_is_not_used(
    cache: Path, what: str, damage: Callable[[Path], object], why: str
) -> None:
    if what in {"another user's", "another group's"} and os.geteuid() != 0:
        change(cache, lambda record: record.update(format=2))
        why = "version"
    else:
        damage(cache)
    verifier, events = started(cache)
    with verifier:
        assert verifier.verify(GOOD) == Unsure()
        assert why in faults(events)[0], what


def test_a_cache_that_kubelet_has_opened_to_a_group_of_ours_is_used(cache: Path) -> None:
    cache.chmod(0o660)
    verifier, events = started(cache)
    with verifier:
        assert isinstance(verifier.verify(GOOD), Accepted), faults(events)


def test_a_cache_that_can_t_be_written_is_said_and_harms_nothing(tmp_path: Path) -> None:
    events: list[Event] = []
    with (
        FakeFeed() as feed,
        Verifier(feed.feed(), AUDIENCE, cache=tmp_path / "none" / "cache", on_event=events.append) as verifier,
    ):
        until("word of it", lambda: faults(events))
        assert isinstance(verifier.verify(GOOD), Accepted)


def test_the_cache_is_replaced_when_the_set_changes(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=path):
        until("the cache", path.exists)
        feed.publish(accept_set(entry("current"), entry("next", "pending")))
        until("the new set", lambda: "version-of-next" in path.read_text())
