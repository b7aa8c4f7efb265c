"""Where the daemon's replicas are, and how we show them who we are."""

import ipaddress
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_VISIBLE = re.compile(r"[\x21-\x7e]{16,512}")


@dataclass(frozen=True, slots=True)
class Replica:
    """One daemon."""

    url: str
    tls: bool
    host: str
    port: int
    path: str


class Feed:
    """One or more replicas of the daemon, and a client credential or certificate.

    `credential` is what `crossfade credential` printed. `ca_file` names the only authorities to be trusted, instead
    of the system's. `client_certificate` is a certificate's file and its key's. Files are read again for each
    new connection. There is no option that turns certificate checks off.

    A plain `http://` URL is taken for loopback alone: whoever is on the way could decide who gets in.
    `danger_allow_plaintext` lifts that.
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        credential: str | None = None,
        *,
        ca_file: str | Path | None = None,
        client_certificate: tuple[str | Path, str | Path] | None = None,
        danger_allow_plaintext: bool = False,
    ) -> None:
        listed = [urls] if isinstance(urls, str) else list(urls)
        if not listed:
            raise ValueError("a feed needs at least one URL, such as https://crossfade.internal:8750")
        self.replicas = tuple(_replica(url, danger_allow_plaintext) for url in listed)
        if credential is None and client_certificate is None:
            raise ValueError("a feed needs a credential (made by `crossfade credential`) or a client certificate")
        if credential is not None and not _VISIBLE.fullmatch(credential):
            raise ValueError("the feed's credential is not 16 to 512 visible ASCII characters: is it cut, or empty?")
        self._credential = credential
        self._ca_file = ca_file
        self._client_certificate = client_certificate
        if any(replica.tls for replica in self.replicas):
            self.tls_context()  # So that a wrong file is known at once.

    def __repr__(self) -> str:
        return f"Feed({[replica.url for replica in self.replicas]!r})"

    def authorization(self) -> dict[str, str]:
        """The headers that show who we are."""
        return {} if self._credential is None else {"Authorization": f"Bearer {self._credential}"}

    def tls_context(self) -> ssl.SSLContext:
        """How connections are protected."""
        context = ssl.create_default_context(cafile=self._ca_file)
        if self._client_certificate is not None:
            certificate, key = self._client_certificate
            context.load_cert_chain(certificate, key)
        return context

    @property
    def identity(self) -> list[str]:
        """What a cache file is bound to: the replicas, in whatever order they are named."""
        return sorted(replica.url for replica in self.replicas)


def _replica(url: str, danger_allow_plaintext: bool) -> Replica:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a feed's URL begins with https:// and a host")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("a feed's URL has no user, no query and no fragment: the credential is an argument of its own")
    if not parts.netloc.isascii() or not re.fullmatch(r"[\x21-\x7e]*", parts.path):
        raise ValueError("a feed's URL is plain ASCII without spaces")
    tls = parts.scheme == "https"
    if not tls and not danger_allow_plaintext and not _is_loopback(parts.hostname):
        raise ValueError(
            f"{parts.scheme}://{parts.hostname} is plain HTTP, and not on this machine: whoever is on the way could "
            "decide who gets in. Use https://, or danger_allow_plaintext=True"
        )
    port = parts.port or (443 if tls else 80)
    return Replica(url.rstrip("/"), tls, parts.hostname, port, parts.path.rstrip("/"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
