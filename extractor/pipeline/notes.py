"""Notes of a manifest: what a reader of the frames would not expect. Pure: no I/O."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.schedule import DecodeSchedule
from extractor.media.ffmpeg.filters import colour_notes
from extractor.media.probe.video_index import VideoIndex
from extractor.media.sampling import Targets
from extractor.media.strategies import strategy_of


def manifest_notes(
    index: VideoIndex, schedule: DecodeSchedule, policy: SamplingPolicy, decoder: FrameDecoder
) -> Iterator[str]:
    """Yield the notes of a finished video.

    Args:
        index: The video.
        schedule: The frames that were chosen.
        policy: Which frames were asked for.
        decoder: The finished decoder.
    """
    if strategy_of(policy).intra_only and schedule.targets is not None:
        gap = _largest_gap_seconds(schedule.targets, index.time_base)
        if gap > 2 * policy.interval_seconds:
            yield f"keyframes are up to {gap:.2f} s apart, the interval is {policy.interval_seconds:g} s"
    if index.claimed_seconds is not None:
        yield (
            f"the header claims {index.claimed_seconds:.2f} s, but the file is complete after"
            f" {index.duration_seconds:.2f} s"
        )
    if index.unread_bytes:
        yield f"another video follows in the last {index.unread_bytes} bytes of the file, which are not read"
    if changes := len(index.discontinuities):
        times = "once" if changes == 1 else f"{changes} times"
        yield f"the clock of the file restarts or jumps {times}: see video.discontinuities"
    yield from colour_notes(index.picture)
    if index.hdr == "dolby-vision-5":
        yield "the colours of Dolby Vision profile 5 are not converted"
    if not strategy_of(policy).intra_only and (count := decoder.unordered):
        total = decoder.index.frame_count
        yield f"{count} of {total} frames have no time after that of the one before: they cannot be selected"
    yield from _late_timestamps(index, policy, decoder.decoded_seconds)
    total = index.frame_count
    yield from _missing(
        [number for number in policy.frames if not -total <= number < total],
        f"of {len(policy.frames)} frame numbers are not those of a frame, since the video has {total} frames",
    )


def _largest_gap_seconds(targets: Targets, time_base: Fraction) -> float:
    """Return the longest time between two successive targets."""
    gaps = (later - earlier for earlier, later in pairwise(targets.pts))
    return float(max(gaps, default=0) * time_base)


def _late_timestamps(index: VideoIndex, policy: SamplingPolicy, decoded_seconds: float) -> Iterator[str]:
    """Yield a note on timestamps that have no frame."""
    end = float((index.shown_pts[-1] - index.shown_pts[0]) * index.time_base) if index.shown_pts else None
    last = max(index.duration_seconds, decoded_seconds) if end is None else end
    late = [moment for moment in policy.timestamps_seconds if moment > last]
    yield from _missing(
        late,
        f"of {len(policy.timestamps_seconds)} timestamps lie after the last frame, at {last:.3f} s,"
        " and have no frame",
    )


def _missing(values: Sequence[float], what: str) -> Iterator[str]:
    """Yield a note on values that have no frame, if there are any."""
    if values:
        shown = ", ".join(f"{value:.10g}" for value in values[:5]) + (" …" if len(values) > 5 else "")
        yield f"{len(values)} {what}: {shown}"
