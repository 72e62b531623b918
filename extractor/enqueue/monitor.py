"""The backlog while the workers drain it, as the queue and the state tell of it.

Looking changes nothing: no message is received, and nothing is lost by looking away.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from msgspec import Struct, field

from extractor.backends.queues.base import ObservableQueue, QueueDepth
from extractor.backends.state.base import Backlog, BacklogFilter, FailureReader
from extractor.backends.state.keyset import Keyset
from extractor.errors import QueueUnavailableError, SettingsError, StateUnavailableError

_RATE_SECONDS = 60.0
_LOOKS_AT_NOTHING = 3  # in a row, before the queue counts as drained: its numbers are approximate
_ROWS = 1000


class QueueSample(Struct, frozen=True):
    """What was seen at one moment (`at_seconds` of any clock that only goes forward). `None` is what could
    not be seen. `remaining` videos are neither done nor failed; `reasons`: why how many failed."""

    at_seconds: float
    depth: QueueDepth | None
    remaining: int | None
    failed: int | None
    reasons: Mapping[str, int] = field(default_factory=dict)


class DrainProgress(Struct, frozen=True):
    """What the looks so far amount to. `settled` videos have been done or have failed since the first look,
    less those that came in; `per_second` of them in the last minute. `seconds_left` is for what is in the
    queue, at that rate."""

    look: QueueSample
    settled: int | None
    per_second: float | None
    seconds_left: float | None
    drained: bool


class ProgressTracker:
    """The looks of a watch, of which those of the last minute are kept."""

    def __init__(self) -> None:
        self._first_remaining: int | None = None
        self._recent: deque[QueueSample] = deque()
        self._empty = 0

    def add(self, look: QueueSample) -> DrainProgress:
        if self._first_remaining is None:
            self._first_remaining = look.remaining
        self._empty = self._empty + 1 if look.depth is not None and look.depth.total == 0 else 0
        self._recent.append(look)
        while look.at_seconds - self._recent[0].at_seconds > _RATE_SECONDS:
            self._recent.popleft()
        rate = self._rate()
        return DrainProgress(
            look,
            settled=_less(self._first_remaining, look.remaining),
            per_second=rate,
            seconds_left=look.depth.total / rate if look.depth and rate else None,
            drained=self._empty >= _LOOKS_AT_NOTHING,
        )

    def _rate(self) -> float | None:
        known = [look for look in self._recent if look.remaining is not None]
        if len(known) < 2 or known[-1].at_seconds <= known[0].at_seconds:
            return None
        settled = _less(known[0].remaining, known[-1].remaining) or 0
        return max(0.0, settled / (known[-1].at_seconds - known[0].at_seconds))


class ObservableState(Backlog, FailureReader, Protocol):
    """A state that can be looked at."""


def monitor(
    queue: ObservableQueue,
    state: ObservableState,
    every_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[DrainProgress]:
    """Look every so many seconds until the queue is drained. What does not answer is looked at again the
    next time. Raises `AccessDeniedError`."""
    course = ProgressTracker()
    look = QueueSample(clock(), None, None, None)
    while True:
        remaining, failed = _counts(state)
        reasons = look.reasons if failed == look.failed else _reasons(state, look.reasons)
        look = QueueSample(clock(), _depth(queue), remaining, failed, reasons)
        progress = course.add(look)
        yield progress
        if progress.drained:
            return
        sleep(every_seconds)


def failures_by_reason(state: FailureReader) -> Mapping[str, int]:
    """How many videos have failed for good, by reason. Reads the failed rows, a page at a time."""
    reasons: Counter[str] = Counter()
    pages = Keyset()
    while rows := state.failed_rows(pages.after, _ROWS):
        pages.advance(rows[-1].code)
        reasons.update(row.extract_error.partition(":")[0] for row in rows if row.extract_error)
    return dict(reasons.most_common())


def _reasons(state: FailureReader, before: Mapping[str, int]) -> Mapping[str, int]:
    """As they are now, or as they were `before` if that cannot be seen."""
    try:
        return failures_by_reason(state)
    except (SettingsError, StateUnavailableError):
        return before


def _depth(queue: ObservableQueue) -> QueueDepth | None:
    try:
        return queue.depth()
    except QueueUnavailableError:
        return None


def _counts(state: Backlog) -> tuple[int | None, int | None]:
    """Remaining and failed. Counting a large table may take longer than the server allows, and not every
    table has a column for failures."""
    try:
        remaining = state.count_pending(BacklogFilter())
        return remaining, state.count_pending(BacklogFilter(failed=True))
    except SettingsError:
        return remaining, None
    except StateUnavailableError:
        return None, None


def _less(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else before - now
