"""A webhook on this machine: it keeps the notifications of the handler, and checks their signatures."""

import base64
import json
import secrets
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from extractor.backends.notifications.webhook import signed_headers
from local.errors import DemoError


class Receiver:
    """A context manager that runs the server on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._received: list[tuple[Mapping[str, str], bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._received))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """Return the settings that make the handler send notifications here."""
        return {
            "NOTIFY_TARGET": f"http://127.0.0.1:{self._server.server_port}/",
            "NOTIFY_SECRET": f"whsec_{base64.b64encode(self._key).decode()}",
        }

    def events(self) -> list[dict[str, Any]]:
        """Return the CloudEvents that have arrived, ordered by video, each once.

        Raises:
            DemoError: A signature is wrong.
        """
        events = {}
        for headers, body in self._received:
            sent = {name: headers.get(name, "") for name in ("webhook-id", "webhook-timestamp")}
            expected = signed_headers(self._key, sent["webhook-id"], int(sent["webhook-timestamp"]), body)
            if not secrets.compare_digest(
                headers.get("webhook-signature", ""), expected["webhook-signature"]
            ):
                raise DemoError("a notification has a wrong signature")
            events[sent["webhook-id"]] = json.loads(body)
        return sorted(events.values(), key=lambda event: str(event["subject"]))


def _handler(received: list[tuple[Mapping[str, str], bytes]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler
