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
    initialize = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}
    accept = {"Accept": "application/json, text/event-stream"}
    return httpx2.post(url, json=body, headers={**accept, **headers}, timeout=30).status_code


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


if __name__ == "__main__":
    listed, said = called(sys.argv[1], json.loads(os.environ["HEADERS"]))
    print(json.dumps({"tools": listed, "whoami": said}))
