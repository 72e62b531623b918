"""Counts of a run. Pure: no I/O."""

from collections.abc import Mapping

from msgspec import Struct, field


class Summary(Struct, frozen=True):
    """The progress of a run.

    Attributes:
        seen: Videos that were read.
        queued: Videos that the queue confirmed.
        refused: The number of videos that were not queued, by reason.
        first_refused: The code of the first of these.
        in_doubt: Videos that were sent and whose response is missing.
        repeated: Messages that were sent again after a lost response, and may be queued twice.
        calls: Calls to the queue.
        retried: Messages in these calls that had been sent before.
        settled: Videos up to `settled_through`.
        settled_through: All videos up to this code are queued and marked in the state, or can never be
            queued.
        complete: Whether all requested videos are settled and no limit cut the request short.
    """

    seen: int = 0
    queued: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    first_refused: str | None = None
    in_doubt: int = 0
    repeated: int = 0
    calls: int = 0
    retried: int = 0
    settled: int = 0
    settled_through: str | None = None
    complete: bool = False

    @property
    def num_refused(self) -> int:
        return sum(self.refused.values())
