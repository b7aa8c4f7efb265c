"""What can be said of a presented string without any set.

The checksum is no secret and proves nothing: it tells a token that was cut or mistyped from one that is
unknown, so that such a string is refused without asking anybody.
"""

import base64
import re
from enum import StrEnum
from hashlib import sha256
from zlib import crc32

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [f"{first}{second}".encode() for first in _BASE62 for second in _BASE62]
_OURS = re.compile(rb"[a-z][a-z0-9]{0,4}_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}")
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
    if is_malformed(presented):
        return Shape.MALFORMED
    return Shape.OURS if _OURS.fullmatch(presented) else Shape.FOREIGN


def is_malformed(presented: bytes) -> bool:
    """Whether it is no token."""
    if _OURS.fullmatch(presented):
        return checksum(presented[:-6]) != presented[-6:]
    return not _TOKEN.fullmatch(presented)


def checksum(body: bytes) -> bytes:
    """The CRC-32 (IEEE) of all bytes before it in base62, most significant digit first, zero-padded to six."""
    crc = crc32(body)
    return _PAIRS[crc // 14_776_336] + _PAIRS[crc // 3_844 % 3_844] + _PAIRS[crc % 3_844]


def digest_of(token: bytes) -> bytes:
    """The SHA-256 of a token. It holds 256 random bits, so there is no salt and no slow hash, on purpose."""
    return sha256(token).digest()


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
