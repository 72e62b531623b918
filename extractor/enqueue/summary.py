"""How far a run has come. Pure."""

from collections.abc import Mapping

from msgspec import Struct, field


class Summary(Struct, frozen=True):
    """Of the `seen` videos, `queued` are confirmed by the queue, `refused` (how many, by reason) are not
    queued, and `in_doubt` were sent without an answer so far; the rest has not been sent.

    `calls` counts the calls to the queue, `retried` the messages in them that had been sent before. Of
    these, `repeated` were sent again because the answer was lost, and may be queued twice.

    Everything up to the code `settled_through` is settled for good: queued and noted in the state, or such
    that no queue would take it; these are `settled` videos. `complete`: so is everything that was ordered,
    and a limit has cut nothing off.
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
