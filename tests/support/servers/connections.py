"""Connections that break while nobody looks at them, as they do when a machine is frozen between calls."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behaviour = Callable[[socket.socket], None]


@contextmanager
def listening(behave: Behaviour) -> Iterator[str]:
    """A server that does this with each connection, one after another; gives its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, behave))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)  # ends accept()
            thread.join()


def answer_once(connection: socket.socket, body: bytes) -> bytes:
    """Read one request; answer it as one who keeps the connection. Returns the request's first line."""
    with connection.makefile("rwb") as stream:
        line = stream.readline()
        headers = dict(part.split(b": ", 1) for part in iter(lambda: stream.readline().strip(), b""))
        lengths = {name.lower(): value for name, value in headers.items()}
        stream.read(int(lengths.get(b"content-length", b"0")))
        stream.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        stream.flush()
    return line


def _serve(server: socket.socket, behave: Behaviour) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            behave(connection)
