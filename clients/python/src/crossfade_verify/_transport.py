"""HTTP to the daemon, by the standard library, with a deadline for each whole request.

Redirects are answers like any other here, and no caller follows one. The environment's proxy settings are
not looked at.
"""

# The standard library imports these two when a host is looked up for the first time, which a thread of ours does. A
# fork in that moment would leave the child without them for good.
import encodings.ascii
import encodings.idna  # noqa: F401
import functools
import http.client
import io
import os
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ._clock import Moment, read_clocks
from ._feed import Feed, Replica

_CHUNK = 1 << 16
_MOST_PIECES = 1 << 16
"""Each costs time, however small it is. The largest answer of the feed in segments of TCP has a third of these."""
_MOST_OF_HEAD = 1 << 18
"""With what the standard library reads and skips: each `100 Continue` before the answer."""
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class TransportError(Exception):
    """A request that was not answered; says why, and never what was sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and what the clocks said before it was asked for and when its head had come."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    sent: Moment
    received: Moment
    closes: bool

    def header_values(self, name: str) -> list[str]:
        """Each value that a header has."""
        return self.headers.get_all(name, [])


class Connection:
    """One connection to one replica, kept open between requests. One thread at a time uses it."""

    def __init__(self, feed: Feed, replica: Replica) -> None:
        self.replica = replica
        self._feed = feed
        self._http: http.client.HTTPConnection | None = None
        self._pid = os.getpid()
        self._ended = False

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        most: int,
        body: bytes | None = None,
    ) -> Answer:
        """Ask, and read an answer of at most `most` bytes, all in `timeout` seconds."""
        deadline = time.monotonic() + timeout
        headers = {**self._feed.authorization(), **headers}
        kept = self._http is not None
        try:
            try:
                return self._once(method, path, headers, body, deadline, most)
            except _STALE:
                self.close()
                # The other end gives up idle connections when it likes. What counts something is not sent twice.
                if not kept or method != "GET":
                    raise
                return self._once(method, path, headers, body, deadline, most)
        except TimeoutError:
            self.close()
            raise TransportError(f"no answer in {timeout:.0f} s") from None
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise TransportError(f"its certificate is not accepted: {error.verify_message}") from None
        except (OSError, ValueError) as error:
            self.close()
            reason = error.strerror if isinstance(error, OSError) else None
            raise TransportError(reason or type(error).__name__) from None
        except http.client.HTTPException as error:
            # By its type alone: some of them hold what was read.
            self.close()
            raise TransportError(f"no HTTP that can be read ({type(error).__name__})") from None
        except TransportError:
            self.close()
            raise

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float, most: int
    ) -> Answer:
        connection = self._connected(deadline)
        # Only now: whoever ends it from here on finds a socket to shut down.
        if self._ended:
            raise TransportError("it was ended")
        sent = read_clocks()
        connection.request(method, self.replica.path + path, body=body, headers=dict(headers))
        response = connection.getresponse()
        received = read_clocks()
        if isinstance(response, _Response):
            response.until.left += 2 * most
        with response:
            content = _read(response, most)
            closes = response.will_close
        if closes:
            self.close()
        return Answer(response.status, response.headers, content, sent, received, closes)

    def _connected(self, deadline: float) -> http.client.HTTPConnection:
        timeout = max(0.001, deadline - time.monotonic())
        if self._http is None:
            host, port = self.replica.host, self.replica.port
            connection: http.client.HTTPConnection
            if self.replica.tls:
                # Made anew each time, so that certificates that were renewed on disk are read.
                context = self._feed.tls_context()
                connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
            else:
                connection = http.client.HTTPConnection(host, port, timeout=timeout)
            self._http = connection
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self._http
        connection.sock.settimeout(timeout)
        # A time-out of the socket alone would begin anew with each byte.
        connection.response_class = functools.partial(_Response, deadline=deadline)  # type: ignore[assignment]
        return connection

    def close(self) -> None:
        """Close it; the next request makes another."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def interrupt(self) -> None:
        """End it for good, with the request that another thread waits for.

        After a fork it is the parent's, and left alone.
        """
        self._ended = True
        sock = self._http.sock if self._http is not None else None
        if isinstance(sock, socket.socket) and os.getpid() == self._pid:
            try:
                # Past the TLS layer, whose state is the other thread's.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass


def _read(response: http.client.HTTPResponse, most: int) -> bytes:
    if response.length is not None and response.length > most:
        raise TransportError(f"an answer of more than {most} bytes")
    content, pieces = bytearray(), 0
    while chunk := response.read1(_CHUNK):
        content += chunk
        pieces += 1
        if len(content) > most:
            raise TransportError(f"an answer of more than {most} bytes")
        if pieces > _MOST_PIECES:
            raise TransportError(f"an answer in more than {_MOST_PIECES} pieces")
    if response.length:
        raise TransportError("an answer that was cut off")
    return bytes(content)


class _Response(http.client.HTTPResponse):
    """A response that has to be read in full by a deadline."""

    def __init__(self, sock: socket.socket, *arguments: object, deadline: float, method: str | None = None) -> None:
        super().__init__(sock, method=method)
        raw = self.fp.detach()
        self.until = _UntilDeadline(raw, sock, deadline)
        self.fp = io.BufferedReader(self.until)


class _UntilDeadline(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float) -> None:
        self._raw, self._sock, self._deadline = raw, sock, deadline
        self.left = _MOST_OF_HEAD

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        if self.left <= 0:
            raise TransportError("an answer whose head or framing is larger than any of ours")
        self._sock.settimeout(remaining)
        count = self._raw.readinto(buffer)  # type: ignore[arg-type]
        self.left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
