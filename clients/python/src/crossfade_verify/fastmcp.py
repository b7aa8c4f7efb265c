"""The hook of FastMCP 4.x: an accepted token becomes its `AccessToken`.

The hook can say yes or no. Being unsure is neither, so it is raised, and the server answers 500. Where 503 is
wanted, guard the application with `crossfade_verify.asgi.RequireToken` instead.
"""

from fastmcp.server.auth import AccessToken
from fastmcp.server.auth import TokenVerifier as _TokenVerifier

from ._sdk import accepted, access_token
from ._verifier import Verifier


class TokenVerifier(_TokenVerifier):
    """For `FastMCP(auth=...)`."""

    def __init__(
        self, verifier: Verifier, *, base_url: str | None = None, required_scopes: list[str] | None = None
    ) -> None:
        super().__init__(base_url=base_url, required_scopes=required_scopes)
        self._verifier = verifier

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's grant; `None` is refused. `AccessToken.token` is the version's id, not the token."""
        grant = await accepted(self._verifier, token)
        return None if grant is None else access_token(AccessToken, grant, self._verifier.audience)
