"""The hook of the official SDK, `mcp` 2.x: an accepted token becomes its `AccessToken`.

The SDK's hook can say yes or no. Being unsure is neither, so it is raised, and the SDK's server answers 500. Where
503 is wanted, guard the application with `crossfade_verify.asgi.RequireToken` instead.
"""

from mcp.server.auth.provider import AccessToken

from ._sdk import accepted, access_token
from ._verifier import Verifier


class TokenVerifier:
    """For `MCPServer(token_verifier=...)`, whose `AuthSettings.resource_server_url` is the audience."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's grant; `None` is refused. `AccessToken.token` is the version's id, not the token."""
        grant = await accepted(self._verifier, token)
        return None if grant is None else access_token(AccessToken, grant, self._verifier.audience)
