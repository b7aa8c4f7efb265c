"""Where the token stands in a request."""

from collections.abc import Collection, Iterable
from enum import StrEnum

Headers = Iterable[tuple[bytes, bytes]]

_HEADERS_OF_EVENTS = ("headers", "multiValueHeaders")


class Unfit(StrEnum):
    """Why a guard refuses a request, whatever its token's verdict may be. For metrics and logs."""

    MISSING = "missing"
    """It has no token."""
    WRONG_SCHEME = "wrong_scheme"
    """`Authorization` is not `Bearer` and one token."""
    CONFLICT = "conflict"
    """Two tokens that differ, or two `Authorization` headers."""
    INSUFFICIENT_SCOPE = "insufficient_scope"
    """The token is good, and not for this."""


def token_of(headers: Headers, more: Collection[bytes]) -> bytes | Unfit:
    """The one token of a request, or why there is none to decide on.

    It stands in `Authorization: Bearer`, or bare in one of the headers that `more` names (in lower case), or the
    same one in several. Names are compared in lower case.
    """
    authorizations: list[bytes] = []
    tokens: list[bytes] = []
    for name, value in headers:
        name = name.lower()
        # Not each server takes away what stands around a value (RFC 9110, section 5.5).
        value = value.strip(b" \t")
        if name == b"authorization":
            authorizations.append(value)
        elif name in more:
            tokens.append(value)
    if len(authorizations) > 1:
        return Unfit.CONFLICT
    if authorizations:
        token = _bearer(authorizations[0])
        if token is None:
            return Unfit.WRONG_SCHEME
        tokens.append(token)
    if not tokens:
        return Unfit.MISSING
    return tokens[0] if all(token == tokens[0] for token in tokens) else Unfit.CONFLICT


def without_tokens(headers: Headers, more: Collection[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers without any copy of the token."""
    return [(name, value) for name, value in headers if not _bears(name.lower(), more)]


def take_from_event(event: object, more: Collection[bytes]) -> None:
    """Take each copy of the token out of an event of AWS Lambda's, in place: adapters leave it in the scope. Each kind
    of event has its headers somewhere else.
    """
    if isinstance(event, list):
        for item in event:
            take_from_event(item, more)
    elif isinstance(event, dict):
        for key, value in event.items():
            if key in _HEADERS_OF_EVENTS and isinstance(value, dict):
                for name in [name for name in value if _bears(name.lower().encode(), more)]:
                    del value[name]
            else:
                take_from_event(value, more)


def _bears(name: bytes, more: Collection[bytes]) -> bool:
    return name == b"authorization" or name in more


def _bearer(value: bytes) -> bytes | None:
    """What follows the scheme (RFC 6750, section 2.1); a token is not itself `Bearer`."""
    rest = _after_scheme(value)
    token = rest.lstrip(b" ") if rest else b""
    return token if token and _after_scheme(token) is None else None


def _after_scheme(value: bytes) -> bytes | None:
    scheme, rest = value[:6], value[6:]
    separated = not rest or rest.startswith(b" ")
    return rest if scheme.lower() == b"bearer" and separated else None
