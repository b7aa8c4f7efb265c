"""TLS to the feed: the authority that is named, a client certificate, and no way around either."""

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crossfade_verify import Accepted, Event, Feed, Verifier
from fake_feed import FakeFeed
from material import AUDIENCE, VERIFIER, token
from waiting import until

GOOD = token("current")


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of a test")])
        self.file, _ = self._issue("ca", self._name, self._key, days=1, is_authority=True)

    def issue(self, name: str, *, days: int = 1) -> tuple[Path, Path]:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._issue(name, subject, ec.generate_private_key(ec.SECP256R1()), days=days, is_authority=False)

    def _issue(
        self, name: str, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int, is_authority: bool
    ) -> tuple[Path, Path]:
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        usage = x509.KeyUsage(True, False, False, False, False, is_authority, is_authority, False, False)
        signer = self._key.public_key()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        files[1].write_bytes(key.private_bytes(encoding, form, plain))
        return files


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def feed() -> Iterator[FakeFeed]:
    with FakeFeed() as feed:
        yield feed


def over_tls(feed: FakeFeed, certificate: tuple[Path, Path], clients: Path | None = None) -> str:
    """Put it behind TLS; its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    # The handshake is the connection's own thread's, not the listener's.
    feed.server.socket = context.wrap_socket(feed.server.socket, server_side=True, do_handshake_on_connect=False)
    return feed.url.replace("http://", "https://")


def refused(feed: Feed) -> str:
    """Why it can't be followed."""
    events: list[Event] = []
    with Verifier(feed, AUDIENCE, on_event=events.append) as verifier:
        until("a failure", lambda: events)
        assert verifier.status().entries is None
    return events[0].detail


def test_a_feed_of_the_named_authority_is_followed(feed: FakeFeed, authority: Authority) -> None:
    url = over_tls(feed, authority.issue("feed"))
    with Verifier(Feed(url, VERIFIER, ca_file=authority.file), AUDIENCE) as verifier:
        until("a set", lambda: isinstance(verifier.verify(GOOD), Accepted))


def test_a_client_certificate_needs_no_credential(feed: FakeFeed, authority: Authority) -> None:
    url = over_tls(feed, authority.issue("feed"), clients=authority.file)
    mine = authority.issue("slack-mcp-server")
    with Verifier(Feed(url, ca_file=authority.file, client_certificate=mine), AUDIENCE) as verifier:
        until("a set", lambda: isinstance(verifier.verify(GOOD), Accepted))
        assert "authorization" not in feed.asked[0]
    assert "no answer" in refused(Feed(url, VERIFIER, ca_file=authority.file))


def test_a_certificate_of_another_authority_is_not_accepted(
    feed: FakeFeed, authority: Authority, tmp_path: Path
) -> None:
    url = over_tls(feed, authority.issue("feed"))
    for other in (Feed(url, VERIFIER), Feed(url, VERIFIER, ca_file=Authority(tmp_path / "other").file)):
        assert "its certificate is not accepted" in refused(other)
    assert feed.asked == []


def test_an_expired_certificate_is_not_accepted(feed: FakeFeed, authority: Authority) -> None:
    url = over_tls(feed, authority.issue("feed", days=-1))
    assert "expired" in refused(Feed(url, VERIFIER, ca_file=authority.file))


def test_a_certificate_of_another_name_is_not_accepted(feed: FakeFeed, authority: Authority) -> None:
    url = over_tls(feed, authority.issue("feed")).replace("127.0.0.1", "localhost")
    assert "its certificate is not accepted" in refused(Feed(url, VERIFIER, ca_file=authority.file))


def test_a_wrong_file_is_known_at_once(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Feed("https://crossfade.internal", VERIFIER, ca_file=tmp_path / "none")
    certificate, key = authority.issue("one")
    with pytest.raises(ssl.SSLError):
        Feed("https://crossfade.internal", client_certificate=(certificate, authority.issue("other")[1]))
    assert key.exists()
