"""Split the schedule of a long video into slices that are decoded independently, bit for bit alike. Pure.

A slice can be decoded alone if its decode plan says which packets it needs, or if the codec starts afresh at
each keyframe. The frames before a slice must not matter: a policy that compares frames or watches all of them
is not split.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, compress, pairwise
from operator import and_, or_
from typing import Final

from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.schedule import DecodeSchedule, build_plan, schedule_some
from extractor.media.probe.video_index import VideoIndex

MAX_SLICES: Final = 64

_RESTARTING_CODECS: Final = frozenset(
    {"dnxhd", "ffv1", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "prores", "theora", "vp8"}
)
"""Codecs whose decoder keeps nothing over a keyframe, but the frames that leading pictures refer to."""

DECODED_MEGAPIXELS: Final = {
    "h264": 100.0,
    "hevc": 80.0,
    "vp9": 100.0,
    "av1": 80.0,
    "vp8": 100.0,
    "mpeg2video": 200.0,
    "mpeg4": 200.0,
}
"""How many one CPU of Lambda decodes in a second, at the least; see `benchmarks.decode_speed`."""
OTHER_DECODED_MEGAPIXELS: Final = 60.0
"""The same for all other codecs."""
ENCODED_MEGAPIXELS: Final = 40.0
"""How many it makes images of in a second, at the least."""


def can_split(index: VideoIndex, schedule: DecodeSchedule, policy: SamplingPolicy) -> bool:
    """Whether the frames of a schedule can be decoded in slices.

    Args:
        index: The index of the video.
        schedule: The frames.
        policy: The sampling policy.
    """
    compares = policy.skip_blank or policy.skip_similar is not None or policy.keeps_distinct
    if compares or policy.detector is not None or policy.tolerance_seconds or index.truncated:
        return False
    if schedule.targets is None or not index.shown_pts:
        return False
    return schedule.plan is not None or _restarts_at_keyframes(index)


def estimate_seconds(index: VideoIndex, schedule: DecodeSchedule) -> float:
    """Estimate the CPU seconds to decode the frames of a schedule and to encode their images.

    Args:
        index: The index of the video.
        schedule: The frames.
    """
    pixels = index.width * index.height / 1e6
    decoded = sum(schedule.plan.kept) if schedule.plan else index.frame_count
    rate = DECODED_MEGAPIXELS.get(index.codec, OTHER_DECODED_MEGAPIXELS)
    return pixels * (decoded / rate + len(schedule.targets or ()) / ENCODED_MEGAPIXELS)


def split_targets(index: VideoIndex, schedule: DecodeSchedule, count: int) -> Sequence[range]:
    """Split the frames of a schedule at access points into slices of about the same number of packets.

    Args:
        index: The index of the video.
        schedule: The frames.
        count: The number of slices, at most; fewer if there are not so many access points or frames.

    Returns:
        The numbers of the frames of each slice, in order.
    """
    assert schedule.targets is not None
    packets, pts = index.packets, schedule.targets.pts
    access = packets.are_keyframes
    if index.order is not None:
        access = bytearray(map(or_, index.order.random_access, index.order.open_access))
    kept = (
        schedule.plan.kept if schedule.plan and len(schedule.plan.kept) == len(packets) else packets.are_shown
    )
    positions = list(compress(range(len(packets)), map(and_, access, packets.are_shown)))
    before = [0, *accumulate(kept)]
    work = [before[position] for position in positions]
    cuts = {0, len(pts)}
    for number in range(1, count):
        found = bisect_left(work, before[-1] * number / count)
        if found < len(positions):
            cuts.add(bisect_left(pts, packets.pts[positions[found]]))
    return [range(first, stop) for first, stop in pairwise(sorted(cuts))]


def schedule_slice(
    index: VideoIndex, schedule: DecodeSchedule, frames: range, policy: SamplingPolicy
) -> DecodeSchedule:
    """Schedule the frames of a slice.

    Args:
        index: The index of the video.
        schedule: The frames of the whole video, which can be split.
        frames: The numbers of the frames of the slice.
        policy: The sampling policy.
    """
    assert schedule.targets is not None
    some = schedule_some(index, schedule.targets[frames.start : frames.stop], policy)
    if some.plan or not _restarts_at_keyframes(index):
        return some
    assert some.targets is not None
    assert some.selection is not None
    kept = _packets_around(index, some.targets.pts)
    return DecodeSchedule(some.targets, some.selection, build_plan(index, some.targets, some.selection, kept))


def _restarts_at_keyframes(index: VideoIndex) -> bool:
    """Whether a decoder that starts one keyframe earlier than necessary gives the same frames."""
    return (
        index.codec in _RESTARTING_CODECS
        and not index.picture.interlaced
        and not index.picture.changes_midway
        and not index.frames_with_shared_times
    )


def _packets_around(index: VideoIndex, wanted: Sequence[int]) -> bytearray:
    """Return one byte per packet: 1 from the second keyframe before the wanted frames to the second after."""
    packets = index.packets
    times = frozenset(wanted)
    positions = list(compress(range(len(packets)), map(times.__contains__, packets.pts)))
    keyframes = list(compress(range(len(packets)), packets.are_keyframes))
    first = bisect_left(keyframes, positions[0] + 1) - 2
    last = bisect_left(keyframes, positions[-1] + 1) + 1
    start = keyframes[first] if first >= 0 else 0
    stop = keyframes[last] if last < len(keyframes) else len(packets)
    kept = bytearray(len(packets))
    kept[start:stop] = b"\1" * (stop - start)
    return kept
