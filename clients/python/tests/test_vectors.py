"""The golden vectors that hold all languages to the same rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crossfade_verify import (
    Accepted,
    Grant,
    Moment,
    Refused,
    Secret,
    SetError,
    Unsure,
    View,
    decide,
    parse_accept_set,
)
from crossfade_verify._accept_set import MAX_BYTES, _fields
from crossfade_verify._cache import Place, Unused, view_of
from crossfade_verify._feed import Feed
from crossfade_verify._gate import Gate, Why
from crossfade_verify._pace import closed_ms, held_ms, retry_ms, unheld_ms
from crossfade_verify._timing import Dropped, place_of
from crossfade_verify._token import checksum, digest_of, digest_text, parse_digest, shape
from material import AUDIENCE, accept_set, entry, token, vectors

TOKENS, SETS, VERDICTS, GRANTS = (vectors(f"{name}.json") for name in ("tokens", "accept_sets", "verdicts", "grants"))
TIMINGS, CACHES, PACE = (vectors(f"{name}.json") for name in ("timings", "caches", "pace"))


def by_name(case: dict[str, Any]) -> str:
    return str(case["name"])


def moment(reading: dict[str, int]) -> Moment:
    return Moment(reading["boot_ms"], reading["wall_ms"])


@pytest.mark.parametrize("case", TOKENS["checksums"], ids=lambda case: repr(case["body"])[:40])
def test_a_checksum_is_that_of_the_vector(case: dict[str, str]) -> None:
    assert checksum(case["body"].encode()).decode() == case["checksum"]


@pytest.mark.parametrize("case", TOKENS["tokens"], ids=by_name)
def test_a_token_has_the_shape_and_digest_of_the_vector(case: dict[str, str]) -> None:
    presented = case["token"].encode()
    assert shape(presented) == case["shape"]
    assert digest_text(digest_of(presented)) == case["digest"]
    assert parse_digest(case["digest"]) == digest_of(presented)


@pytest.mark.parametrize("case", SETS["good"], ids=by_name)
def test_a_good_set_is_read_and_written(case: dict[str, Any]) -> None:
    read = parse_accept_set(case["json"].encode(), case["audience"])
    entries = [{**_fields(entry), "scopes": list(entry.scopes)} for entry in read.entries]
    bounds = {"freshness_ms": read.freshness_ms, "hold_ms": read.hold_ms, "accept_within_ms": read.accept_within_ms}
    assert {**bounds, "entries": entries} == {"accept_within_ms": None, **case["expected"]}
    assert read.to_json() == case["canonical"]
    assert all(read.known[entry.digest] is entry for entry in read.entries)


@pytest.mark.parametrize("case", SETS["bad"], ids=by_name)
def test_a_bad_set_is_rejected_as_a_whole(case: dict[str, Any]) -> None:
    with pytest.raises(SetError) as rejected:
        parse_accept_set(case["json"].encode("utf-8", "surrogatepass"), case["audience"])
    assert rejected.value.reason == case["reason"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b" " * (MAX_BYTES + 1), "too_large"),
        (b'{"a":"\xff"}', "not_json"),
        (b"[" * 100_000, "too_deep"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b"", "not_json"),
        (b"1" * 10_000, "large_number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_too_large_or_no_text_is_rejected(text: bytes, reason: str) -> None:
    with pytest.raises(SetError) as rejected:
        parse_accept_set(text, "a")
    assert rejected.value.reason == reason


def view_in(case: dict[str, Any], text: str, audience: str) -> View:
    given = case["view"]
    read = parse_accept_set(text.encode(), audience)
    place = given["now_ms"], given["age_ms"], moment(given["taken"])
    return View(read, *place, complete=given["complete"], max_hold_ms=case.get("max_hold_ms"))


def verdict_of(case: dict[str, Any]) -> dict[str, Any]:
    view = None
    if case["view"] is not None and case["set"] is not None:
        view = view_in(case, VERDICTS["sets"][case["set"]], VERDICTS["audience"])
    at = moment(case["at"])
    match decide(view, case["presented"].encode(), at):
        case Accepted(grant):
            assert view is not None
            now_ms = view.now_ms + at.elapsed_since_ms(view.taken)
            expires_ms = now_ms + grant.expires_in // timedelta(milliseconds=1)
            said = {"version": grant.source.version, "expires_ms": expires_ms, "young": view.is_young(at)}
            return {"verdict": "accepted", **said}
        case Refused(reason):
            return {"verdict": "refused", "reason": reason}
        case Unsure():
            return {"verdict": "unsure"}


@pytest.mark.parametrize("case", VERDICTS["cases"], ids=by_name)
def test_a_verdict_is_that_of_the_vector(case: dict[str, Any]) -> None:
    assert verdict_of(case) == case["expected"]


@pytest.mark.parametrize("case", GRANTS["cases"], ids=by_name)
def test_a_grant_is_that_of_the_vector(case: dict[str, Any]) -> None:
    view = view_in(case, GRANTS["set"], GRANTS["audience"])
    verdict = decide(view, case["presented"].encode(), moment(case["at"]))
    assert isinstance(verdict, Accepted)
    expected, source = case["expected"], case["expected"]["source"]
    created = datetime.fromtimestamp(source["created_ms"] / 1000, UTC)
    assert source["kind"] == "secret"
    assert verdict.grant == Grant(
        client_id=expected["client_id"],
        principal=expected["principal"],
        scopes=tuple(expected["scopes"]),
        expires_in=timedelta(milliseconds=expected["expires_in_ms"]),
        source=Secret(source["name"], source["version"], source["stage"], created),
    )


@pytest.mark.parametrize("case", CACHES["cases"], ids=by_name)
def test_what_is_made_of_a_cache_is_what_the_vector_says(case: dict[str, Any]) -> None:
    feed = Feed(case["feed"], "of-no-account-here-at-all").identity
    place = Place(case["audience"], feed, case["boot"], moment(case["at"]))
    expected = case["expected"]
    if "unused" in expected:
        with pytest.raises(Unused) as unused:
            view_of(case["file"].encode(), place)
        assert unused.value.reason == expected["unused"]
    else:
        view = view_of(case["file"].encode(), place)
        assert {"now_ms": view.now_ms, "age_ms": view.age_ms, "entries": len(view.set.entries)} == expected
        assert view.taken == place.at
        assert not view.is_fresh(place.at)


@pytest.mark.parametrize("case", PACE["retry"], ids=by_name)
def test_the_wait_after_a_failure_is_that_of_the_vector(case: dict[str, Any]) -> None:
    assert retry_ms(case["failures_before"], case["freshness_ms"], case["random"]) == case["wait_ms"]


@pytest.mark.parametrize("case", PACE["held"], ids=by_name)
def test_an_answer_that_is_held_is_waited_for_as_long_as_the_vector_says(case: dict[str, Any]) -> None:
    assert held_ms(case["freshness_ms"]) == case["limit_ms"]


@pytest.mark.parametrize("case", PACE["unheld"], ids=by_name)
def test_what_was_not_held_is_asked_again_as_the_vector_says(case: dict[str, Any]) -> None:
    before = case.get("soon_before", False)
    wait_ms = unheld_ms(case["freshness_ms"], case["took_ms"], case["changed"], before, case["random"])
    assert wait_ms == case["wait_ms"]


def test_news_after_an_answer_that_came_too_soon_is_waited_after_like_no_news() -> None:
    for before, took_ms, wait_ms in ((True, 999, 500), (True, 1_000, 0), (False, 999, 0)):
        assert unheld_ms(60_000, took_ms, True, before, 0.5) == wait_ms


@pytest.mark.parametrize("case", PACE["closed"], ids=by_name)
def test_a_closed_connection_is_followed_by_the_wait_of_the_vector(case: dict[str, Any]) -> None:
    assert closed_ms(case["random"]) == case["wait_ms"]


@pytest.mark.parametrize("case", PACE["gate"], ids=by_name)
def test_who_waits_is_as_the_vector_says(case: dict[str, Any]) -> None:
    gate, started = Gate(lambda: float(case["random"])), []
    for number, event in enumerate(case["events"]):
        at = moment(event["at"])
        if "ask" in event:
            assert gate.ask(Why(event["ask"]), at).name.lower() == event["answer"], number
            if event["answer"] == "start":
                started.append(at)
        else:
            gate.end(started[event.get("of", 0) - 1], event["end"] == "succeeded", at)


@pytest.mark.parametrize("case", TIMINGS["cases"], ids=by_name)
def test_an_answers_place_in_time_is_that_of_the_vector(case: dict[str, Any]) -> None:
    applied = case["applied"]
    place_ms = None if applied is None else applied["now_ms"] - applied["age_ms"]
    arguments = (case["timing"], case["nonce"], moment(case["sent"]), moment(case["received"]), place_ms)
    if "dropped" in case["expected"]:
        with pytest.raises(Dropped) as dropped:
            place_of(*arguments)
        assert dropped.value.reason == case["expected"]["dropped"]
    else:
        place = place_of(*arguments)
        assert {"now_ms": place.now_ms, "age_ms": place.age_ms} == case["expected"]


def test_a_spread_makes_a_view_old_earlier_by_a_second_or_an_eighth_of_freshness() -> None:
    for freshness_ms, early_ms in ((60_000, 1000), (4_000, 500)):
        text = accept_set(freshness_ms=freshness_ms)
        view = View(parse_accept_set(text.encode(), AUDIENCE), 1_795_000_000_000, 0, Moment(0, 0))
        last = freshness_ms - early_ms - 1
        assert view.is_young(Moment(last, 0), spread=1.0)
        assert not view.is_young(Moment(last + 1, 0), spread=1.0)


def test_a_version_of_beyond_the_year_9999_is_of_its_last_moment() -> None:
    made = {**entry("current"), "created_ms": (1 << 53) - 1, "grace_ms": (1 << 53) - 1}
    read = parse_accept_set(accept_set(made).encode(), AUDIENCE)
    verdict = decide(View(read, 0, 0, Moment(0, 0)), token("current").encode(), Moment(0, 0))
    assert isinstance(verdict, Accepted)
    assert verdict.grant.source.created.year == 9999
