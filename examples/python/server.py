"""An MCP server whose callers bear a rotating token. What is ours is marked; the rest is FastMCP's.

LISTEN (host:port, port 0 for a free one), CROSSFADE_URL (one or several, comma separated), CROSSFADE_CREDENTIAL,
CROSSFADE_AUDIENCE, and, if you like, CROSSFADE_CACHE: a file to start from while the daemon is down.
"""

import os
import socket

import slack
import uvicorn
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_request

from crossfade_verify import Feed, Verifier  # ours
from crossfade_verify.asgi import RequireToken  # ours

mcp = FastMCP("slack-search")


@mcp.tool
def whoami() -> dict[str, object]:
    """Who calls, as the server knows it: by a grant, never by a token."""
    request = get_http_request()
    grant = request.scope["crossfade.grant"]
    return {
        "client_id": grant.client_id,
        "version": grant.source.version,
        "stage": grant.source.stage,
        "slack_user_token_present": "slack-user-token" in request.headers,
        "authorization_seen": "authorization" in request.headers or "mcp-access-token" in request.headers,
    }


@mcp.tool(name="search-slack-messages")
async def search_slack_messages(query: str) -> str:
    """Searches the Slack messages that the asking user can read, and lists those that fit best."""
    return await slack.search(query, get_http_request().headers.get("slack-user-token"))


if __name__ == "__main__":
    feed = Feed(os.environ["CROSSFADE_URL"].split(","), os.environ["CROSSFADE_CREDENTIAL"])  # ours
    verifier = Verifier(feed, os.environ["CROSSFADE_AUDIENCE"], cache=os.environ.get("CROSSFADE_CACHE"))  # ours

    host, _, port = os.environ.get("LISTEN", "127.0.0.1:8000").rpartition(":")
    listener = socket.create_server((host, int(port)))
    host, port = listener.getsockname()
    # On loopback only local hosts and origins, which FastMCP does not see to by itself. Elsewhere name yours in
    # `allowed_hosts`.
    http_app = mcp.http_app(path="/mcp", host_origin_protection="auto")
    app = RequireToken(http_app, verifier, headers=["mcp-access-token"])  # ours
    print(f"listening on http://{host}:{port}/mcp", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
