"""What can be said of a presented string without any set.

The checksum is no secret and proves nothing: it tells a token that was cut or mistyped from one that is
unknown, so that such a string is refused without asking anybody.
"""

import base64
import hashlib
import re
import zlib
from enum import StrEnum

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OURS = re.compile(rb"([a-z][a-z0-9]{0,4}_[A-Za-z0-9_-]{43})([0-9A-Za-z]{6})")
_TOKEN = re.compile(rb"[\x21-\x7e]{16,512}")


class Shape(StrEnum):
    """What a presented string looks like."""

    OURS = "ours"
    """A token of ours: prefix, 43 characters of base64url, and their right checksum."""
    FOREIGN = "foreign"
    """A token that somebody else made: 16 to 512 visible ASCII characters."""
    MALFORMED = "malformed"
    """No token: too short, too long, not visible ASCII, or ours with a wrong checksum."""


def shape(presented: bytes) -> Shape:
    """Tell what a presented string looks like."""
    if not _TOKEN.fullmatch(presented):
        return Shape.MALFORMED
    ours = _OURS.fullmatch(presented)
    if ours is None:
        return Shape.FOREIGN
    return Shape.OURS if checksum(ours[1]) == ours[2].decode() else Shape.MALFORMED


def checksum(body: bytes) -> str:
    """The CRC-32 (IEEE) of all bytes before it in base62, most significant digit first, zero-padded to six."""
    rest = zlib.crc32(body)
    digits = ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    return digits


def digest_of(token: bytes) -> bytes:
    """The SHA-256 of a token. It holds 256 random bits, so there is no salt and no slow hash, on purpose."""
    return hashlib.sha256(token).digest()


def digest_text(digest: bytes) -> str:
    """A digest as base64url of 43 characters, without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def parse_digest(text: str) -> bytes | None:
    """Read what `digest_text` writes, and nothing else: no second way of writing the same digest."""
    if len(text) != 43 or not text.isascii():
        return None
    try:
        digest = base64.urlsafe_b64decode(text + "=")
    except ValueError:
        return None
    return digest if len(digest) == 32 and digest_text(digest) == text else None
