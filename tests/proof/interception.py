"""Where the effects of a worker are met: at the last line of code before the network, the database file
and FFmpeg, below every retry.

The hooks are never taken out again: they belong in a process that ends with its run.
"""

import hashlib
import itertools
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import botocore.endpoint
import botocore.httpsession
import botocore.response
import httpx
from botocore.exceptions import ConnectionClosedError, ResponseStreamingError

import extractor.media.ffmpeg.process
from extractor.domain.frames import Frame
from extractor.media.decode.decoder import FrameDecoder
from tests.proof.effects import Ledger
from tests.proof.processes import kill_children

_CODE = re.compile("v[0-9a-f]{32}")  # as `tests.proof.crash` makes them
_NUMBERS = itertools.count()
_SPLIT = re.compile("(?<=slice-)[a-z]{12}")

RETRIED = ("S3", "SQS", "DynamoDB", "HTTP")
"""What the names of effects begin with whose first attempt may fail without harm."""


def hook(ledger: Ledger) -> None:
    """Let `ledger` have every effect of this process. Names of effects do not tell the code of the video."""
    _forget_pauses()
    _hook_botocore(ledger)
    _hook_httpx(ledger)
    _hook_sqlite(ledger)
    _hook_ffmpeg(ledger)


def _forget_pauses() -> None:
    """Between attempts, nobody waits."""
    patient = SimpleNamespace(**{**vars(time), "sleep": lambda _: None})
    botocore.endpoint.time = patient  # type: ignore[attr-defined]
    if builder := sys.modules.get("postgrest._sync.request_builder"):
        builder.time = patient  # type: ignore[attr-defined]


def _hook_botocore(ledger: Ledger) -> None:
    send = botocore.httpsession.URLLib3Session.send
    read = botocore.response.StreamingBody.read

    def hooked_send(session: Any, request: Any) -> Any:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}

        def fail() -> NoReturn:
            raise ConnectionClosedError(endpoint_url=request.url, request=request)

        name = _aws_name(request.method, request.url, headers.get("x-amz-target"))
        return ledger.perform(
            name, partial(send, session, request), fail, headers.get("amz-sdk-invocation-id")
        )

    def hooked_read(body: Any, amt: int | None = None) -> bytes:
        def fail() -> NoReturn:
            raise ResponseStreamingError(error="the connection was reset")

        return ledger.perform("read a body", partial(read, body, amt), fail, call=f"body {_number_of(body)}")

    botocore.httpsession.URLLib3Session.send = hooked_send  # type: ignore[method-assign, assignment]
    botocore.response.StreamingBody.read = hooked_read  # type: ignore[method-assign, assignment]


def _number_of(body: object) -> int:
    """A number that no other body has: the id of one that is gone may be used again."""
    number: int = vars(body).setdefault("_number_of_the_proof", next(_NUMBERS))
    return number


def _aws_name(method: str, url: str, target: str | None) -> str:
    if target:
        service, _, operation = target.partition(".")
        return f"{'SQS' if 'SQS' in service else 'DynamoDB'} {operation}"
    address = urlsplit(url)
    return f"S3 {method} {_anonymous(address.path + ('?list' if 'list-type' in address.query else ''))}"


def _hook_httpx(ledger: Ledger) -> None:
    handle = httpx.HTTPTransport.handle_request

    def hooked(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        def fail() -> NoReturn:
            raise httpx.ReadError("the connection was reset", request=request)

        body = hashlib.sha256(request.read()).hexdigest()
        name = f"HTTP {request.method} {_anonymous(unquote(str(request.url.raw_path, 'ascii')))}"
        return ledger.perform(
            name, partial(handle, transport, request), fail, call=f"{request.method} {request.url} {body}"
        )

    httpx.HTTPTransport.handle_request = hooked  # type: ignore[method-assign, assignment]


def _hook_sqlite(ledger: Ledger) -> None:
    """An effect is a transaction."""
    connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        first = "nothing"

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            self.first = self.first if self.first != "nothing" else sql.split(maxsplit=1)[0]
            return super().execute(sql, *parameters)

        def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            self.first = sql.split(maxsplit=1)[0]
            return super().executemany(sql, *parameters)

        def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
            def fail() -> NoReturn:
                self.rollback()
                raise sqlite3.OperationalError("disk I/O error")

            end = partial(super().__exit__, kind, error, trace)
            return end() if kind else ledger.perform(f"SQLite {self.first}", end, fail)

    sqlite3.connect = partial(connect, factory=Connection)  # type: ignore[assignment]


def _hook_ffmpeg(ledger: Ledger) -> None:
    """A failure of FFmpeg is its death, by a signal that it cannot catch. When one dies, another may still
    do it; when any dies, none can."""
    start: Callable[..., Any] = extractor.media.ffmpeg.process._start
    iterate = FrameDecoder.__iter__

    def hooked_start(*arguments: Any) -> Any:
        def fail() -> None:
            if not kill_children():
                raise OSError("FFmpeg cannot be started")

        begin = partial(ledger.perform, "start FFmpeg", partial(start, *arguments), fail)
        return ledger.perform("any FFmpeg", begin, fail, call="FFmpeg")

    def hooked_iterate(decoder: FrameDecoder) -> Iterator[Frame]:
        for frame in iterate(decoder):
            yield ledger.perform(f"frame {frame.index}", partial(_itself, frame), kill_children)

    extractor.media.ffmpeg.process._start = hooked_start  # type: ignore[assignment]
    FrameDecoder.__iter__ = hooked_iterate  # type: ignore[method-assign]


def _itself(frame: Frame) -> Frame:
    return frame


def _anonymous(text: str) -> str:
    return _SPLIT.sub("SPLIT", _CODE.sub("CODE", text))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
