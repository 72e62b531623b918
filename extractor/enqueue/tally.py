"""Running counts of a run, from which its summaries are built."""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from extractor.enqueue.send_buffer import PendingMessage
from extractor.enqueue.summary import Summary
from extractor.enqueue.watermark import LowWatermark


class RunTally:
    """Counts the videos of a run.

    Args:
        after: The code after which the run starts.
    """

    def __init__(self, after: str | None) -> None:
        self._watermark = LowWatermark(after)
        self._refused: Counter[str] = Counter()
        self._summary = Summary()

    @property
    def clear(self) -> bool:
        """Whether every video that was begun is settled."""
        return self._watermark.clear

    def begin(self, code: str) -> None:
        self._watermark.begin(code)
        self._summary = replace(self._summary, seen=self._summary.seen + 1)

    def call(self, entries: Sequence[PendingMessage]) -> None:
        """Count a call that sends these messages."""
        self._summary = replace(
            self._summary,
            calls=self._summary.calls + 1,
            retried=self._summary.retried + sum(entry.attempts > 0 for entry in entries),
            repeated=self._summary.repeated + sum(entry.in_doubt for entry in entries),
        )

    def confirm(self) -> None:
        """Count a video that the queue confirmed."""
        self._summary = replace(self._summary, queued=self._summary.queued + 1)

    def refuse(self, code: str, reason: str) -> None:
        """Count a video that was not queued. Unless it is also settled, the next run tries it again."""
        self._refused[reason] += 1
        self._summary = replace(self._summary, first_refused=self._summary.first_refused or code)

    def settle(self, code: str) -> None:
        self._watermark.settle(code)

    def summary(self, *, in_doubt: int, complete: bool) -> Summary:
        """Return the current summary."""
        return replace(
            self._summary,
            refused=dict(self._refused),
            in_doubt=in_doubt,
            settled=self._watermark.count,
            settled_through=self._watermark.code,
            complete=complete,
        )
