"""HTTP for those who watch the worker: ``/healthz`` and ``/metrics``. It changes nothing."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from msgspec import Struct

from extractor.errors import UsageError
from extractor.serve.arguments import Address

_TEXT = "text/plain; charset=utf-8"
_METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Health(Struct, frozen=True):
    """Whether the worker takes messages, and a word on it."""

    is_well: bool
    text: str


@contextmanager
def watched(
    address: Address | None, health: Callable[[], Health], metrics: Callable[[], str]
) -> Iterator[Address | None]:
    """Serve in threads of their own as long as the block lasts.

    Args:
        address: Where to listen; ``None`` for nowhere. Port 0 stands for any free one.
        health: Returns the health.
        metrics: Returns the metrics as text.

    Yields:
        The address with the real port.

    Raises:
        UsageError: The address cannot be used.
    """
    if address is None:
        yield None
        return
    try:
        server = _server(address)(address, _handler(health, metrics))
    except OSError as error:
        raise UsageError(
            f"--listen: {address.host}:{address.port} cannot be used: {error.strerror or error}"
        ) from error
    with server:
        thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
        thread.start()
        try:
            yield Address(address.host, server.server_port)
        finally:
            server.shutdown()
            thread.join()


def _server(address: Address) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        daemon_threads = True
        block_on_close = False  # a client that says nothing holds nobody up

        def server_bind(self) -> None:
            """Bind without the look-up of a host name that http.server makes."""
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(self.server_address)
            self.server_name, self.server_port = self.socket.getsockname()[:2]

    return Server


def _handler(health: Callable[[], Health], metrics: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds, of a client that says nothing

        def do_GET(self) -> None:
            """Answer."""
            if self.path == "/healthz":
                found = health()
                self._answer(200 if found.is_well else 503, _TEXT, f"{found.text}\n")
            elif self.path == "/metrics":
                self._answer(200, _METRICS_TEXT, metrics())
            else:
                self._answer(404, _TEXT, "there are /healthz and /metrics\n")

        do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

        def _answer(self, status: int, content_type: str, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: probes come every few seconds."""

    return Handler
