"""What is to be queued: codes, in pages and in order, and the message that each becomes. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from msgspec import Struct, field

from extractor.backends.queues.base import OutgoingMessage
from extractor.backends.state.base import BacklogFilter
from extractor.domain.messages import VideoMessage, encode_message


class CodeSource(Protocol):
    """Where codes are read from; that part of `extractor.backends.state.base.Backlog`."""

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]: ...

    def count_pending(self, backlog_filter: BacklogFilter) -> int: ...


class EnqueueRequest(Struct, frozen=True):
    """What to enqueue: at most `limit` videos of the `pick` whose codes come `after` that one, read
    `page_size` at a time, each with `options`, the optional fields of its message."""

    backlog_filter: BacklogFilter = field(default_factory=BacklogFilter)
    after: str | None = None
    limit: int | None = None
    page_size: int = 1000
    options: Mapping[str, object] = field(default_factory=dict)


class CodeList:
    """A given list of codes, sorted and without duplicates. `BacklogFilter` is not applied to it."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._codes = sorted({line.rstrip("\r\n") for line in lines} - {""})

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the list: another list has another one."""
        return sha256("\n".join(self._codes).encode(errors="surrogatepass")).hexdigest()

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:  # noqa: ARG002 - see above
        start = 0 if after is None else bisect_right(self._codes, after)
        return self._codes[start : start + limit]

    def count_pending(self, backlog_filter: BacklogFilter) -> int:  # noqa: ARG002 - see above
        return len(self._codes)


def encode(code: str, options: Mapping[str, object]) -> OutgoingMessage | None:
    """The message for a video. `None` for a code that no message can carry, such as one with a slash."""
    try:
        return OutgoingMessage(encode_message(VideoMessage.model_validate({"code": code, **options})))
    except ValueError:
        return None
