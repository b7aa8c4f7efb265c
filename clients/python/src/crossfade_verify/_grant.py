"""What an accepted token stands for: who called, with what rights, for how long, and by which secret's version."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


class Stage(StrEnum):
    """Where a version stands in its life."""

    PENDING = "pending"
    CURRENT = "current"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class Secret:
    """The version of a secret whose token it was."""

    name: str
    version: str
    stage: Stage
    created: datetime
    """When the version was made, on the store's clock: aware, in UTC."""


Source = Secret
"""Where a token came from. Other kinds follow: look at the type before you read on."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What an accepted token stands for. It holds no token."""

    client_id: str
    """The bot; it does not change when the token does."""
    principal: str
    """Who called, by a lasting name: with a secret's token that is `client_id`."""
    scopes: tuple[str, ...]
    expires_in: timedelta
    """How long after the decision it may be relied on: up to the token's deadline, or for its whole grace."""
    source: Source


@dataclass(frozen=True, slots=True)
class Accepted:
    """Let it in."""

    grant: Grant


def created_at(created_ms: int) -> datetime:
    """A time of the store's. Beyond the year 9999, which no `datetime` can name, it is the last one that can be."""
    return _EPOCH + timedelta(milliseconds=min(created_ms, _LAST_MS))
