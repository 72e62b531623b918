"""Resume an unfinished run: which of its frames can be reused. Pure: no I/O."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.schedule import DecodeSchedule, schedule_rest
from extractor.media.probe.video_index import VideoIndex
from extractor.media.strategies import strategy_of


def frames_made(
    stored: Sequence[StoredFrame], schedule: DecodeSchedule, index: VideoIndex, policy: SamplingPolicy
) -> int:
    """Return how many of the stored frames, from the first on, are the first frames of the schedule.

    It is 0 if frames depend on earlier ones, if scenes are detected, and for keyframes, which are cheap. The
    last frame is never reused: only a decoder that reaches it finds a damaged end.
    """
    if _needs_all_frames(policy) or schedule.targets is None or index.first_pts is None:
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
    """Return the schedule without its first `made` frames."""
    return schedule_rest(index, schedule, made, policy) if made else schedule


def numbered(frames: Iterable[Frame], first: int) -> Iterable[Frame]:
    """Number the frames from `first` on."""
    return (replace(frame, index=frame.index + first) for frame in frames) if first else frames


def seconds_needed(spent: float, available: float, share_done: float) -> float | None:
    """Estimate the duration of a decode that cannot end in time.

    Args:
        spent: Seconds since its start.
        available: Seconds from its start to the deadline.
        share_done: Share of the video that is decoded (0-1).

    Returns:
        The estimate if it is far more than is available; ``None`` otherwise, and in the first quarter of the
        available time.
    """
    if spent < available / 4 or share_done <= 0:
        return None
    needed = spent / share_done
    return needed if needed > 1.5 * available else None


def _needs_all_frames(policy: SamplingPolicy) -> bool:
    return (
        strategy_of(policy).intra_only
        or policy.detector is not None
        or policy.skip_blank
        or policy.skip_similar is not None
    )


def _offset(pts: int, index: VideoIndex) -> float:
    return float((pts - (index.first_pts or 0)) * index.time_base)
