"""The cache file: a server starts while the daemon is down, and no restart renews `hold`."""

import hashlib
import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crossfade_verify import Accepted, Event, Feed, Kind, Moment, Reason, Refused, Unsure, Verifier, read_clocks
from fake_feed import FakeFeed
from material import AUDIENCE, VERIFIER, accept_set, entry, token
from waiting import until

GOOD, UNKNOWN = token("current"), token("unknown")
GOOD_DIGEST = entry("current")["digest"]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that a verifier wrote, as if of a feed where nobody is now."""
    path = tmp_path / "cache.json"
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=path):
        until("the cache", path.exists)
    change(path, feed=[NOBODY])
    return path


def record_in(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_bytes().split(b"\n")[1])
    return record


def change(path: Path, **record: object) -> None:
    """As if it had been written so."""
    _, second, text = path.read_bytes().split(b"\n")
    rest = json.dumps({**json.loads(second), **record}).encode() + b"\n" + text
    head = {"format": 2, "sha256": hashlib.sha256(rest).hexdigest()}
    path.write_bytes(json.dumps(head, separators=(",", ":")).encode() + b"\n" + rest)


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
        assert not verifier.status().fresh
        assert faults(events) == []


def test_a_restart_in_a_loop_does_not_renew_hold(cache: Path) -> None:
    ages = []
    for hours in range(1, 30):
        now = read_clocks()
        later = Moment(now.boot_ms + hours * 3_600_000, now.wall_ms + hours * 3_600_000)
        verifier, _ = started(cache, clock=at(later))
        with verifier:
            assert isinstance(verifier.verify(GOOD), Accepted) == (hours < 24), hours
            age = verifier.status().age
            assert age is not None
            ages.append(age // timedelta(hours=1))
    assert ages == list(range(1, 30))


def test_a_hold_of_our_own_counts_over_restarts_too(cache: Path) -> None:
    change(cache, age_ms=3_600_001)
    verifier, _ = started(cache, max_hold=timedelta(hours=1))
    with verifier:
        assert verifier.verify(GOOD) == Unsure()


def test_over_a_boot_the_wall_clock_counts(cache: Path) -> None:
    wall_ms = record_in(cache)["wall_ms"]
    change(cache, boot="another", wall_ms=wall_ms - 90_000_000)
    verifier, _ = started(cache)
    with verifier:
        assert verifier.verify(GOOD) == Unsure()
    change(cache, wall_ms=wall_ms + 90_000_000)
    verifier, events = started(cache)
    with verifier:
        assert verifier.status().entries is None, "nothing has counted the time since"
        assert "is the clock right" in faults(events)[0]


def test_a_clock_that_was_set_back_since_does_not_make_a_view_younger(cache: Path) -> None:
    record = record_in(cache)
    change(cache, boot_ms=max(0, record["boot_ms"] - 90_000_000), wall_ms=record["wall_ms"] * 2)
    now = read_clocks()
    verifier, _ = started(cache, clock=at(Moment(now.boot_ms + 90_000_000, now.wall_ms)))
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


BAD: list[tuple[str, Callable[[Path], object], str]] = [
    ("others may read it", lambda path: path.chmod(0o604), "by others"),
    ("others may write it", lambda path: path.chmod(0o662), "by others"),
    ("another group's", give_to_another_group, "by others"),
    ("cut off", lambda path: path.write_text(path.read_text()[:-9]), "damaged"),
    ("flipped", lambda path: path.write_text(path.read_text().replace("slack-bot", "slack-bat")), "damaged"),
    ("of another version", lambda path: path.write_text('{"format":3,"sha256":""}\n'), "version"),
    ("of another feed", lambda path: change(path, feed=["x"]), "another feed"),
    ("of another audience", lambda path: change(path, audience="x"), "another audience"),
]


@pytest.mark.parametrize(("what", "damage", "why"), BAD, ids=[what for what, _, _ in BAD])
def test_a_cache_that_can_t_be_trusted_is_not_used_and_replaced(
    cache: Path, what: str, damage: Callable[[Path], object], why: str
) -> None:
    if what == "another group's" and os.geteuid() != 0:
        pytest.skip("only root can give it away")
    damage(cache)
    verifier, events = started(cache)
    with verifier:
        assert verifier.verify(GOOD) == Unsure()
        assert why in faults(events)[0], what
    with FakeFeed() as feed, Verifier(feed.feed(), AUDIENCE, cache=cache):
        until(
            "it is replaced", lambda: stat.S_IMODE(cache.stat().st_mode) == 0o600 and GOOD_DIGEST in cache.read_text()
        )
        assert cache.read_text().startswith('{"format":2,"sha256":"')


def test_the_first_request_after_a_start_names_no_set(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    with FakeFeed() as feed:
        with Verifier(feed.feed(), AUDIENCE, cache=path):
            until("the cache", path.exists)
        feed.asked.clear()
        with Verifier(feed.feed(), AUDIENCE, cache=path):
            until("a question", lambda: feed.asked)
        assert "if-none-match" not in feed.asked[0]


def test_no_place_in_time_that_stands_in_the_file_makes_the_feeds_views_older(cache: Path) -> None:
    """The store's clock was set back since; or somebody has written there what nobody could have read."""
    with FakeFeed(accept_set(entry("next"))) as feed:
        change(cache, feed=[feed.url], now_ms=(1 << 53) - 1, age_ms=0)
        events: list[Event] = []
        with Verifier(feed.feed(), AUDIENCE, cache=cache, on_event=events.append) as verifier:
            until("a first answer", lambda: [event for event in events if event.kind is not Kind.CACHE_FAILED])
            assert [event.detail for event in events if event.kind is Kind.DROPPED] == []
            until("the feed counts", lambda: isinstance(verifier.verify(token("next")), Accepted))
            assert verifier.verify(GOOD) == Refused(Reason.UNKNOWN)
        assert record_in(cache)["now_ms"] < 1 << 52


def test_the_set_is_kept_as_it_came(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    text = accept_set(entry("current")).replace('{"format"', '{ "of a later daemon":[1], "format"')
    with FakeFeed(text) as feed, Verifier(feed.feed(), AUDIENCE, cache=path):
        until("the cache", path.exists)
    assert path.read_text().split("\n", 2)[2] == text


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
