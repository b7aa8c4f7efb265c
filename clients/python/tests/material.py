"""Tokens and accept sets for tests."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from crossfade_verify._token import checksum, digest_of, digest_text

AUDIENCE = "https://mcp.example.com/slack"
ROOT = Path(__file__).resolve().parents[3]
VECTORS = ROOT / "verify" / "vectors"
VERIFIER = "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf"
BOT = "cfc_for-the-tour-only-never-use-it-as-a-bot----2hdIHn"


def vectors(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def token(seed: str) -> str:
    random = base64.urlsafe_b64encode(hashlib.sha256(seed.encode()).digest()).rstrip(b"=").decode()
    return f"mcp_{random}{checksum(f'mcp_{random}'.encode()).decode()}"


def entry(seed: str, stage: str = "current", not_after_ms: int | None = None) -> dict[str, Any]:
    return {
        "digest": digest_text(digest_of(token(seed).encode())),
        "secret": "mcp/slack-bot-token",
        "version": f"version-of-{seed}",
        "stage": stage,
        "client_id": "slack-bot",
        "scopes": ["slack:search"],
        "created_ms": 1_795_000_000_000,
        "grace_ms": 14_400_000,
        "not_after_ms": not_after_ms,
    }


def accept_set(*entries: dict[str, Any], freshness_ms: int = 60_000, hold_ms: int = 86_400_000) -> str:
    ordered = sorted(entries, key=lambda entry: base64.urlsafe_b64decode(str(entry["digest"]) + "="))
    whole = {
        "format": 1,
        "audience": AUDIENCE,
        "freshness_ms": freshness_ms,
        "hold_ms": hold_ms,
        "entries": ordered,
    }
    return json.dumps(whole, separators=(",", ":"))
