"""One question to one replica: the accept set, or word that it is still the same."""

import re
import secrets
import time
from dataclasses import dataclass
from urllib.parse import quote

from ._accept_set import MAX_BYTES, SetError, parse_accept_set
from ._timing import Dropped, place_of
from ._transport import Answer, Connection
from ._verdict import View
from ._views import Applied, Views

_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,128}"')
_REASONS = {
    400: "the daemon can't read our request (400)",
    401: "the daemon does not know our credential (401): is it in its config?",
    403: "our client has another role, or not this audience, in the daemon's config (403)",
    503: "the daemon can't answer yet (503): not every secret of the audience was read, or too many requests are open",
}


class Refusal(Exception):
    """An answer that is no accept set; says what it means."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer brought."""

    changed: bool
    """Another content than before."""
    took_s: float
    closes: bool
    """The replica does not want to be asked again on this connection: it may be about to end."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by whom."""

    audience: str
    instance: str
    max_hold_ms: int | None
    keeps_text: bool
    """There is a cache file, which has the set as it came."""


def ask(
    connection: Connection, question: Question, views: Views, *, held: bool, timeout: float, now: bool = False
) -> Outcome:
    """Ask one replica and apply what it says. Without a tag to compare with, nothing is waited for.

    `now`: a request waits for it, and wants no answer that somebody has kept.

    Raises `TransportError`, `Refusal`, `SetError` or `Dropped`; then nothing has changed.
    """
    before = views.applied
    nonce = secrets.token_urlsafe(16)
    headers = {"Crossfade-Nonce": nonce, "Crossfade-Instance": question.instance}
    if now:
        headers["Cache-Control"] = "no-cache"
    if before is not None and before.etag is not None:
        headers["If-None-Match"] = before.etag
        if held:
            headers["Prefer"] = "wait=60"
    path = f"/v1/accept-set?audience={quote(question.audience, safe='')}"
    began = time.monotonic()
    answer = connection.request("GET", path, headers, timeout=timeout, most=MAX_BYTES)
    new = _read(answer, nonce, question, before, views.place_ms())
    changed = before is None or before.etag != new.etag
    views.apply(new)
    return Outcome(changed, time.monotonic() - began, answer.closes)


def _read(answer: Answer, nonce: str, question: Question, before: Applied | None, place_ms: int | None) -> Applied:
    if answer.status not in (200, 304):
        raise Refusal(_REASONS.get(answer.status, f"an answer with status {answer.status}"))
    etags = answer.header_values("ETag")
    if len(etags) != 1 or not _ETAG.fullmatch(etags[0]):
        raise Refusal("an answer without an ETag of its own")
    place = place_of(answer.header_values("Crossfade-Timing"), nonce, answer.sent, answer.received, place_ms)
    if answer.status == 200:
        accept_set = parse_accept_set(answer.body, question.audience)
        text = answer.body if question.keeps_text else None
    elif before is not None and before.etag == etags[0]:
        # The set that was asked about, even if another thread has applied one since.
        accept_set, text = before.view.set, before.text
    else:
        raise Refusal("a 304 for another ETag than the one sent")
    view = View(
        accept_set, place.now_ms, place.age_ms, taken=answer.received, complete=True, max_hold_ms=question.max_hold_ms
    )
    return Applied(view, etags[0], text)


def explain(error: Exception) -> str:
    """What failed, for an event."""
    match error:
        case Dropped(reason=reason):
            return f"the answer is dropped: {reason}"
        case SetError() | Refusal():
            return str(error)
        case _:
            return f"no answer: {error}"
