"""An HTTP server whose answers are made by a function: to forward, to change, or to misbehave."""

import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

_OF_THE_CONNECTION = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """`promised_bytes` is the Content-Length, if it is to be another than that of the body."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    promised_bytes: int | None = None


class _Server(ThreadingHTTPServer):
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            super().finish_request(request, client_address)
        else:
            with self.tls.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up during the handshake."""
        if not isinstance(sys.exception(), ssl.SSLError):
            super().handle_error(request, client_address)


@contextmanager
def serving(answer: Callable[[Request], Answer], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on a free port; gives the base URL. `answer` is called from several threads."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one segment, or every answer waits for an acknowledgement

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            _write(self, answer(Request(self.command, self.path, dict(self.headers.items()), body)))

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server's names

        def handle_expect_100(self) -> bool:
            go_on = super().handle_expect_100()
            self.wfile.flush()
            return go_on

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        server.tls = tls
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def forward(request: Request, upstream: httpx.Client, path: str | None = None) -> Answer:
    """What `upstream` answers to the request."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in {"connection"}}
    response = upstream.request(request.method, path or request.path, content=request.body, headers=headers)
    length = response.headers.get("content-length")
    kept = {name: value for name, value in response.headers.items() if name.lower() not in _OF_THE_CONNECTION}
    return Answer(
        response.status_code,
        response.content,
        kept,
        int(length) if request.method == "HEAD" and length else None,
    )


def _write(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    if answer.status != 204:
        promised = len(answer.body) if answer.promised_bytes is None else answer.promised_bytes
        handler.send_header("Content-Length", str(promised))
        handler.close_connection = promised != len(answer.body)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(answer.body)
    handler.wfile.flush()
