"""An object store of one file on loopback, with the latency and the rate of a network."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CHUNK_BYTES = 1 << 18
_ETAG = '"0123456789abcdef0123456789abcdef"'


@dataclass
class ObjectServer:
    """The server, which answers each GET as S3 does.

    `requests` and `sent_bytes` count since `reset`. The rate is that of all responses together.
    """

    file: Path
    delay_seconds: float
    bytes_per_second: float
    url: str = ""
    requests: int = 0
    sent_bytes: int = 0
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Count from 0 again."""
        self.requests = self.sent_bytes = 0

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        time.sleep(self.delay_seconds)
        size = self.file.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", ""))
        first, last = (int(wanted[1]), min(int(wanted[2]), size - 1)) if wanted else (0, size - 1)
        handler.send_response(206 if wanted else 200)
        if wanted:
            handler.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        handler.send_header("Content-Length", str(last + 1 - first))
        handler.send_header("ETag", _ETAG)
        handler.end_headers()
        with self._lock:
            self.requests += 1
        with self.file.open("rb") as file:
            file.seek(first)
            left = last + 1 - first
            while left and (chunk := file.read(min(_CHUNK_BYTES, left))):
                self._wait_for_turn(len(chunk))
                handler.wfile.write(chunk)
                left -= len(chunk)

    def _wait_for_turn(self, size: int) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._free_at)
            self._free_at = turn + size / self.bytes_per_second
            self.sent_bytes += size
        time.sleep(turn - now)


@contextmanager
def serving(file: Path, delay_seconds: float, bytes_per_second: float) -> Iterator[ObjectServer]:
    """Run the server in threads of this process."""
    found = ObjectServer(file, delay_seconds, bytes_per_second)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with suppress(ConnectionError):  # the client has read enough of a whole object
                found.answer(self)

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
