"""Who called, in the form that frameworks read: Starlette's `scope["user"]` and `scope["auth"]`.

What a framework hangs on its caller works only where it finds one. The MCP SDKs bind a session to who opened it, by
`scope["user"]`, and know only their own class for it: without it any bot's token opens any bot's session.
"""

import sys
from dataclasses import dataclass

from ._grant import Grant
from ._sdk import access_token

_BEARER_AUTH = "mcp.server.auth.middleware.bearer_auth"


@dataclass(frozen=True, slots=True)
class Credentials:
    """As Starlette's `AuthCredentials`."""

    scopes: list[str]


@dataclass(frozen=True, slots=True)
class User:
    """As Starlette's `SimpleUser`; the bot's lasting name, which stays when its token is replaced."""

    username: str
    is_authenticated = True

    @property
    def display_name(self) -> str:
        """Its name."""
        return self.username

    @property
    def identity(self) -> str:
        """Its name."""
        return self.username


def user_of(grant: Grant, audience: str) -> object:
    """The caller, as the SDKs' own backend makes one where one of them is loaded."""
    # Who serves MCP by an SDK has loaded this module of it. Without one there is nothing to import.
    bearer_auth = sys.modules.get(_BEARER_AUTH)
    if bearer_auth is None:
        return User(grant.principal)
    provider = sys.modules["mcp.server.auth.provider"]
    return bearer_auth.AuthenticatedUser(access_token(provider.AccessToken, grant, audience))
