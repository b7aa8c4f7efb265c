"""The official client."""

import asyncio
import json
import os
import sys
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

PROTOCOL = "2025-06-18"
CLIENT = {"name": "test", "version": "1"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": CLIENT},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def called(url: str, headers: dict[str, str], tool: str = "whoami") -> tuple[list[str], Any]:
    """The names of a server's tools, and what one of them says."""

    async def run() -> tuple[list[str], Any]:
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            tools = sorted(tool.name for tool in (await client.list_tools()).tools)
            content = (await client.call_tool(tool, {})).content[0]
            assert isinstance(content, TextContent)
            return tools, json.loads(content.text)

    return asyncio.run(run())


def status_of(url: str, headers: dict[str, str]) -> int:
    """What a server answers before anything is done."""
    return httpx2.post(url, json=INITIALIZE, headers={**ACCEPT, **headers}, timeout=30).status_code


class Sessions:
    """Speaks to a server by hand, so that a caller can name a session that is not its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    def open(self, caller: dict[str, str]) -> str:
        """The session's id."""
        answer = self._post(caller, INITIALIZE)
        assert answer.status_code == 200, answer.text
        session = {"mcp-session-id": answer.headers["mcp-session-id"]}
        noted = self._post({**caller, **session}, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert noted.status_code == 202
        return session["mcp-session-id"]

    def lists(self, caller: dict[str, str], session: str) -> int:
        """The status of listing the tools in it."""
        body = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
        return self._post({**caller, "mcp-session-id": session}, body).status_code

    def ends(self, caller: dict[str, str], session: str) -> int:
        """The status of ending it."""
        return httpx2.delete(self._url, headers={**caller, "mcp-session-id": session}, timeout=30).status_code

    def _post(self, headers: dict[str, str], body: dict[str, Any]) -> httpx2.Response:
        version = {"MCP-Protocol-Version": PROTOCOL}
        return httpx2.post(self._url, json=body, headers={**ACCEPT, **version, **headers}, timeout=30)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


if __name__ == "__main__":
    listed, said = called(sys.argv[1], json.loads(os.environ["HEADERS"]))
    print(json.dumps({"tools": listed, "whoami": said}))
