"""The golden vectors that hold all languages to the same rules."""

from typing import Any

import pytest

from crossfade_verify import (
    Accepted,
    Moment,
    Refused,
    SetError,
    Unsure,
    View,
    decide,
    parse_accept_set,
)
from crossfade_verify._accept_set import MAX_BYTES, _fields
from crossfade_verify._timing import Dropped, place_of
from crossfade_verify._token import checksum, digest_of, digest_text, parse_digest, shape
from material import vectors

TOKENS, SETS, VERDICTS, TIMINGS = (vectors(f"{name}.json") for name in ("tokens", "accept_sets", "verdicts", "timings"))


def by_name(case: dict[str, Any]) -> str:
    return str(case["name"])


def moment(reading: dict[str, int]) -> Moment:
    return Moment(reading["boot_ms"], reading["wall_ms"])


@pytest.mark.parametrize("case", TOKENS["checksums"], ids=lambda case: repr(case["body"])[:40])
def test_a_checksum_is_that_of_the_vector(case: dict[str, str]) -> None:
    assert checksum(case["body"].encode()) == case["checksum"]


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
    assert {"freshness_ms": read.freshness_ms, "hold_ms": read.hold_ms, "entries": entries} == case["expected"]
    assert read.to_json() == case["canonical"]
    assert all(read.find(entry.digest) is entry for entry in read.entries)


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


def verdict_of(case: dict[str, Any], hold_ms: int | None = None) -> dict[str, Any]:
    view = None
    if case["view"] is not None and case["set"] is not None:
        read = parse_accept_set(VERDICTS["sets"][case["set"]].encode(), VERDICTS["audience"])
        given = case["view"]
        taken = moment(given["taken"])
        view = View(read, given["now_ms"], given["age_ms"], taken, given["complete"], hold_ms)
    match decide(view, case["presented"].encode(), moment(case["at"])):
        case Accepted(grant):
            return {"verdict": "accepted", "version": grant.version, "expires_ms": grant.expires_ms}
        case Refused(reason):
            return {"verdict": "refused", "reason": reason}
        case Unsure():
            return {"verdict": "unsure"}


@pytest.mark.parametrize("case", VERDICTS["cases"], ids=by_name)
def test_a_verdict_is_that_of_the_vector(case: dict[str, Any]) -> None:
    assert verdict_of(case) == case["expected"]


def test_a_hold_of_our_own_bounds_what_is_accepted() -> None:
    case = next(case for case in VERDICTS["cases"] if case["expected"]["verdict"] == "accepted")
    aged = {**case, "view": {**case["view"], "age_ms": 1001}}
    assert verdict_of(aged)["verdict"] == "accepted"
    assert verdict_of(aged, hold_ms=1001)["verdict"] == "accepted"
    assert verdict_of(aged, hold_ms=1000) == {"verdict": "unsure"}


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


def test_an_acceptance_ends_on_this_machines_clock_whatever_the_stores_says() -> None:
    case = next(case for case in VERDICTS["cases"] if case["expected"]["verdict"] == "accepted")
    read = parse_accept_set(VERDICTS["sets"][case["set"]].encode(), VERDICTS["audience"])
    here = Moment(5_000, 1_000_000_999)
    verdict = decide(View(read, 1_795_000_000_000, 0, here), case["presented"].encode(), here)
    assert isinstance(verdict, Accepted)
    assert verdict.grant.expires_at == (1_000_000_999 + verdict.grant.expires_ms - 1_795_000_000_000) // 1000
