"""What the hooks of the SDKs have in common."""

import time
from collections.abc import Callable
from typing import TypeVar

from ._grant import Accepted, Grant
from ._verdict import Refused
from ._verifier import Verifier

T = TypeVar("T")


class UnsureError(Exception):
    """Whether the token is accepted can't be told right now. It is raised where a hook could only say no."""

    def __init__(self) -> None:
        super().__init__("the view of the accept set is too old to refuse by, and can't be refreshed: try again")


async def accepted(verifier: Verifier, token: str) -> Grant | None:
    """The grant; `None` is refused."""
    # The SDKs cut off the scheme and one space; more may stand there.
    match await verifier.averify_or_refresh(token.lstrip(" ")):
        case Accepted(grant):
            return grant
        case Refused():
            return None
        case _:
            raise UnsureError


def access_token(kind: Callable[..., T], grant: Grant, audience: str) -> T:
    """The `AccessToken` of either SDK. Its `token` is the version's id, not what the caller sent."""
    source = grant.source
    return kind(
        token=source.version,
        client_id=grant.client_id,
        scopes=list(grant.scopes),
        # On this machine's own wall clock, by which the SDKs judge it.
        expires_at=int(time.time() + grant.expires_in.total_seconds()),
        resource=audience,
        # They bind a session to `client_id` and this: to the caller's lasting name, and not to its token.
        subject=grant.principal,
        claims={"secret": source.name, "version": source.version, "stage": source.stage.value},
    )
