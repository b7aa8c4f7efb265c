"""How long the feed waits: for an answer that is held, and before it asks again (`pace.json` of the vectors).

Nothing here reads a clock or draws a number: `random` is from 0 to 1.
"""

_LONGEST_RETRY_MS, _FIRST_RETRY_MS = 10_000, 500
_LONGEST_HELD_MS = 60_000
_UNHELD_MS = 1_000
_CLOSED_MS = 500


def retry_ms(failures_before: int, freshness_ms: int | None, random: float) -> float:
    """How long to wait after a failure, with full jitter: of many that lost a daemon, no two come back together."""
    bounds = [_LONGEST_RETRY_MS, _FIRST_RETRY_MS << min(failures_before, 10)]
    return random * min(bounds if freshness_ms is None else [*bounds, freshness_ms / 2])


def held_ms(freshness_ms: int) -> float:
    """How long an answer that is held may take: it has to come while there is time to ask another replica."""
    return min(_LONGEST_HELD_MS, freshness_ms / 2) + min(10_000, max(1_000, freshness_ms / 4))


def is_soon(freshness_ms: int, took_ms: float) -> bool:
    """Whether an answer to a request that was to be held came so soon that it may not have been."""
    return took_ms < _unheld_ms(freshness_ms)


def unheld_ms(freshness_ms: int, took_ms: float, changed: bool, soon_before: bool, random: float) -> float:
    """How long to wait after an answer to a request that was to be held. Something in between may not let it wait, and
    would be asked without end; so would replicas with different sets behind one URL, which always have news.

    `soon_before`: the answer before it came so soon too.
    """
    waits = is_soon(freshness_ms, took_ms) and (soon_before or not changed)
    return random * _unheld_ms(freshness_ms) if waits else 0.0


def _unheld_ms(freshness_ms: int) -> float:
    return min(_UNHELD_MS, freshness_ms / 4)


def closed_ms(random: float) -> float:
    """How long to wait after an answer of a replica that closes the connection, as all its verifiers hear at once."""
    return random * _CLOSED_MS
