"""A real server for an ASGI application, on a port of its own."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn

from crossfade_verify.asgi import App
from waiting import until


@contextlib.contextmanager
def served(app: App, http: Any = "h11") -> Iterator[int]:
    """Serve it by uvicorn, in a thread; its port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=http, log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until("the server listens", lambda: server.started)
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def exchange(port: int, request: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Send bytes as they are; the status, headers and body that come back until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return int(status.split(" ")[1]), [(name.lower(), value) for name, _, value in pairs], body
