"""The tutorial's guards, one for each step. Each says which status a request with that token gets."""

import os
import time
from collections.abc import Callable
from hmac import compare_digest

import boto3

from crossfade_verify import Accepted, Feed, Refused, Unsure, Verifier

NAME = "mcp/slack-bot-token"
TTL_S = 300


class Fixed:
    """Step 1: the token stands in the environment."""

    def __init__(self) -> None:
        self.token = os.environ["MCP_TOKEN"].encode()

    def __call__(self, token: bytes) -> int:
        return 200 if compare_digest(token, self.token) else 401


class Cached:
    """Step 2: the token stands in Secrets Manager, and is kept for a while."""

    labels: tuple[str, ...] = ("AWSCURRENT",)

    def __init__(self) -> None:
        self.secrets = boto3.client("secretsmanager")
        self.read()

    def read(self) -> None:
        values = [self.secrets.get_secret_value(SecretId=NAME, VersionStage=label) for label in self.labels]
        self.known = [value["SecretString"].encode() for value in values]
        self.read_at = time.monotonic()

    def __call__(self, token: bytes) -> int:
        if time.monotonic() - self.read_at > TTL_S:
            self.read()
        return 200 if any(compare_digest(token, known) for known in self.known) else 401


class Both(Cached):
    """Step 3: the one before is accepted too."""

    labels = ("AWSCURRENT", "AWSPREVIOUS")


class Crossfade:
    """Step 4: Crossfade's verifier decides."""

    def __init__(self) -> None:
        feed = Feed(os.environ["CROSSFADE_URL"], os.environ["CROSSFADE_CREDENTIAL"])
        self.verifier = Verifier(feed, "https://mcp.example.com/slack")

    def __call__(self, token: bytes) -> int:
        match self.verifier.verify_or_refresh(token):
            case Accepted():
                return 200
            case Refused():
                return 401
            case Unsure():
                return 503


GUARDS: dict[str, Callable[[], Callable[[bytes], int]]] = {
    "fixed": Fixed,
    "cached": Cached,
    "both": Both,
    "crossfade": Crossfade,
}
