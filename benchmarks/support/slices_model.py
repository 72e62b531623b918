"""The time until the last frame of a long video in slices, with many workers. Pure: no I/O."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from msgspec import Struct

_FIRST_EXECUTIONS = 5
_EXECUTIONS_PER_SECOND = 5.0
"""How many executions an SQS event-source mapping has at first, and adds: as in `backlog_estimate`."""
_INVOCATION_SECONDS = 900.0


class SliceCost(Struct, frozen=True):
    """What slices cost a worker.

    Attributes:
        seconds_per_video_second: The decode, and the images, for each second of the video.
        fixed_seconds: What each slice costs besides: its start, the index of the file, the record.
    """

    seconds_per_video_second: float
    fixed_seconds: float

    @staticmethod
    def fit(one_piece: float, slices: Sequence[float], video_seconds: float) -> "SliceCost":
        """Return the cost that follows from the measured seconds of one piece, and of each slice."""
        more = max(0.0, sum(slices) - one_piece)
        fixed = more / (len(slices) - 1)
        return SliceCost(max(0.0, one_piece - fixed) / video_seconds, fixed)

    def slice_seconds(self, video_seconds: float, slices: int) -> float:
        """Return how long a slice takes."""
        return self.fixed_seconds + self.seconds_per_video_second * video_seconds / slices


def last_frame_seconds(cost: SliceCost, video_seconds: float, slices: int, workers: int) -> float:
    """Return the time from the message of a video to its last frame, in an idle queue.

    Args:
        cost: What slices cost.
        video_seconds: The length of the video.
        slices: The number of slices; 1 for one piece, which nobody splits.
        workers: The largest number of workers.
    """
    seconds = cost.slice_seconds(video_seconds, slices)
    if slices == 1:
        return seconds
    return cost.fixed_seconds + _simulated([seconds] * slices, workers)


def fits(cost: SliceCost, video_seconds: float, slices: int) -> bool:
    """Whether each slice fits into an invocation."""
    return cost.slice_seconds(video_seconds, slices) < _INVOCATION_SECONDS


def _simulated(slices: Sequence[float], workers: int) -> float:
    """Return when the last slice ends: each goes to the worker that is free first."""
    free = [
        max(0.0, (number + 1 - _FIRST_EXECUTIONS) / _EXECUTIONS_PER_SECOND)
        for number in range(min(workers, len(slices)))
    ]
    heapify(free)
    last = 0.0
    for seconds in slices:
        end = heappop(free) + seconds
        heappush(free, end)
        last = max(last, end)
    return last
