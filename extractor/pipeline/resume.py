"""Going on where an earlier run was cut off: which of its frames need not be made again. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.schedule import DecodeSchedule, schedule_rest
from extractor.media.probe.index import VideoIndex
from extractor.media.strategies import strategy_of


def frames_made(
    stored: Sequence[StoredFrame], schedule: DecodeSchedule, index: VideoIndex, policy: SamplingPolicy
) -> int:
    """How many of the `stored` frames, from the first on, are those that the schedule begins with.

    0 where a frame depends on those before it, or all must be seen for scenes; keyframes cost too little.
    The last frame is always made again: a video is decoded only if its decoder has come to the end.
    """
    if _depends(policy) or schedule.targets is None or index.first_pts is None:
        return 0
    targets = schedule.plan.targets if schedule.plan else schedule.targets
    count = 0
    for frame, target in zip(stored, targets[:-1], strict=False):
        if (frame.slot, frame.pts_seconds) != (target.slot, _offset(target.pts, index)):
            break
        count += 1
    return count


def remaining(
    schedule: DecodeSchedule, made: int, index: VideoIndex, policy: SamplingPolicy
) -> DecodeSchedule:
    """The schedule without the frames that are `made`."""
    return schedule_rest(index, schedule, made, policy) if made else schedule


def numbered(frames: Iterable[Frame], first: int) -> Iterator[Frame]:
    """The frames with numbers that go on from `first`."""
    return (replace(frame, index=frame.index + first) for frame in frames)


def seconds_needed(spent: float, available: float, share_done: float) -> float | None:
    """How long a decode will take in all, once it is plain that it takes far longer than is `available`;
    before a quarter of that is `spent`, nothing is."""
    if spent < available / 4 or share_done <= 0:
        return None
    needed = spent / share_done
    return needed if needed > 1.5 * available else None


def _depends(policy: SamplingPolicy) -> bool:
    return (
        strategy_of(policy).intra_only
        or policy.detector is not None
        or policy.skip_blank
        or policy.skip_similar is not None
    )


def _offset(pts: int, index: VideoIndex) -> float:
    return float((pts - (index.first_pts or 0)) * index.time_base)
