"""The codes of a request in ordered pages, and the message for each. Pure: no I/O."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from msgspec import Struct, field

from extractor.backends.queues.base import OutgoingMessage
from extractor.backends.state.base import BacklogFilter
from extractor.domain.messages import VideoMessage, encode_message


class CodeSource(Protocol):
    """The part of `extractor.backends.state.base.Backlog` that reads codes."""

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]: ...

    def count_pending(self, backlog_filter: BacklogFilter) -> int: ...


class EnqueueRequest(Struct, frozen=True):
    """What to enqueue.

    Attributes:
        backlog_filter: Which videos of the backlog.
        after: Only codes greater than this one.
        limit: The maximum number of videos.
        page_size: The number of codes per query.
        options: Optional fields of every message.
    """

    backlog_filter: BacklogFilter = field(default_factory=BacklogFilter)
    after: str | None = None
    limit: int | None = None
    page_size: int = 1000
    options: Mapping[str, object] = field(default_factory=dict)


class CodeList:
    """A given list of codes, sorted and without duplicates. It ignores `BacklogFilter`."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._codes = sorted({line.rstrip("\r\n") for line in lines} - {""})

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the list, which identifies it in a checkpoint."""
        return sha256("\n".join(self._codes).encode(errors="surrogatepass")).hexdigest()

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:  # noqa: ARG002 - see above
        start = 0 if after is None else bisect_right(self._codes, after)
        return self._codes[start : start + limit]

    def count_pending(self, backlog_filter: BacklogFilter) -> int:  # noqa: ARG002 - see above
        return len(self._codes)


def encode(code: str, options: Mapping[str, object]) -> OutgoingMessage | None:
    """Return the message for a video; ``None`` if the code is invalid, such as one with a slash."""
    try:
        return OutgoingMessage(encode_message(VideoMessage.model_validate({"code": code, **options})))
    except ValueError:
        return None
