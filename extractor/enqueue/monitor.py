"""Monitor the backlog while the workers drain it, from the depth of the queue and the state.

Read-only: no message is received, and stopping is safe.
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
_EMPTY_SAMPLES = 3  # consecutive empty samples until the queue counts as drained: its depth is approximate
_ROWS = 1000


class QueueSample(Struct, frozen=True):
    """The queue and the state at one moment. Unavailable values are ``None``.

    Attributes:
        at_seconds: The time on a monotonic clock.
        depth: The depth of the queue.
        remaining: Videos that are neither extracted nor failed.
        failed: Videos with a final failure.
        reasons: The number of failed videos by reason code.
    """

    at_seconds: float
    depth: QueueDepth | None
    remaining: int | None
    failed: int | None
    reasons: Mapping[str, int] = field(default_factory=dict)


class DrainProgress(Struct, frozen=True):
    """The progress up to the latest sample.

    Attributes:
        sample: The latest sample.
        settled: Videos extracted or failed since the first sample, minus new ones.
        per_second: Settled videos per second in the last minute.
        seconds_left: The estimated time to drain the queue at that rate.
        drained: Whether the queue has been empty for several samples.
    """

    sample: QueueSample
    settled: int | None
    per_second: float | None
    seconds_left: float | None
    drained: bool


class ProgressTracker:
    """Computes progress from samples, of which it keeps those of the last minute."""

    def __init__(self) -> None:
        self._first_remaining: int | None = None
        self._recent: deque[QueueSample] = deque()
        self._empty = 0

    def add(self, sample: QueueSample) -> DrainProgress:
        if self._first_remaining is None:
            self._first_remaining = sample.remaining
        self._empty = self._empty + 1 if sample.depth is not None and sample.depth.total == 0 else 0
        self._recent.append(sample)
        while sample.at_seconds - self._recent[0].at_seconds > _RATE_SECONDS:
            self._recent.popleft()
        rate = self._rate()
        return DrainProgress(
            sample,
            settled=_less(self._first_remaining, sample.remaining),
            per_second=rate,
            seconds_left=sample.depth.total / rate if sample.depth and rate else None,
            drained=self._empty >= _EMPTY_SAMPLES,
        )

    def _rate(self) -> float | None:
        known = [sample for sample in self._recent if sample.remaining is not None]
        if len(known) < 2 or known[-1].at_seconds <= known[0].at_seconds:
            return None
        settled = _less(known[0].remaining, known[-1].remaining) or 0
        return max(0.0, settled / (known[-1].at_seconds - known[0].at_seconds))


class ObservableState(Backlog, FailureReader, Protocol):
    """A state whose backlog and failures can be counted."""


def monitor(
    queue: ObservableQueue,
    state: ObservableState,
    every_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[DrainProgress]:
    """Sample the queue and the state until the queue is drained.

    Args:
        queue: The queue.
        state: The state.
        every_seconds: The interval between samples.
        sleep: Waits; for tests.
        clock: Returns monotonic seconds; for tests.

    Yields:
        The progress after each sample. Unavailable values are tried again with the next sample.

    Raises:
        AccessDeniedError: The queue or the state denies access.
    """
    tracker = ProgressTracker()
    sample = QueueSample(clock(), None, None, None)
    while True:
        remaining, failed = _counts(state)
        reasons = sample.reasons if failed == sample.failed else _reasons(state, sample.reasons)
        sample = QueueSample(clock(), _depth(queue), remaining, failed, reasons)
        progress = tracker.add(sample)
        yield progress
        if progress.drained:
            return
        sleep(every_seconds)


def failures_by_reason(state: FailureReader) -> Mapping[str, int]:
    """Count videos with a final failure by reason code, reading the failed rows page by page."""
    reasons: Counter[str] = Counter()
    pages = Keyset()
    while rows := state.failed_rows(pages.after, _ROWS):
        pages.advance(rows[-1].code)
        reasons.update(row.extract_error.partition(":")[0] for row in rows if row.extract_error)
    return dict(reasons.most_common())


def _reasons(state: FailureReader, before: Mapping[str, int]) -> Mapping[str, int]:
    """Return the current counts, or those `before` if they cannot be read."""
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
    """Return the numbers of remaining and failed videos.

    Counting a large table may exceed the server's statement timeout, and not every table has a column for
    failures.
    """
    try:
        remaining = state.count_pending(BacklogFilter())
        return remaining, state.count_pending(BacklogFilter(failed=True))
    except SettingsError:
        return remaining, None
    except StateUnavailableError:
        return None, None


def _less(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else before - now
