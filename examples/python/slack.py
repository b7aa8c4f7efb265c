"""Slack's search with the caller's own token: the shared one opens this server, and nothing of Slack."""

import json
import os
from typing import Any

import httpx2
from fastmcp.exceptions import ToolError

# Slack's errors that a new login of the user mends.
LOGIN = {"not_authed", "invalid_auth", "account_inactive", "token_expired", "token_revoked"}


async def search(query: str, token: str | None) -> str:
    """Text that an LLM can use, or an error that says what has to be done."""
    if not token:
        raise ToolError("no Slack token came with this call: the user has to connect their Slack account first")
    url = os.environ.get("SLACK_API_URL", "https://slack.com/api/") + "search.messages"
    try:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=10) as http:
            response = await http.get(url, params={"query": query, "count": "10"})
    except httpx2.HTTPError:
        raise ToolError("Slack can't be reached at the moment: try again later") from None
    if response.status_code != 200:
        raise ToolError(f"Slack answers {response.status_code} at the moment: try again later")
    return found(response.json(), query)


def found(answer: dict[str, Any], query: str) -> str:
    error = answer.get("error", "unknown")
    if error in LOGIN:
        raise ToolError(f"Slack refuses the user's token ({error}): they have to connect their account again")
    if not answer.get("ok"):
        raise ToolError(f"Slack refuses the search: {error}")
    messages = answer["messages"]
    lines = [f"{messages['total']} found for {json.dumps(query, ensure_ascii=False)}"]
    for match in messages["matches"]:
        link = f" ({match['permalink']})" if "permalink" in match else ""
        channel = match.get("channel", {}).get("name", "?")
        lines.append(f"- {match.get('username', 'somebody')} in #{channel}: {match['text']}{link}")
    return "\n".join(lines)
