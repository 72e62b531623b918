"""Schedule the frames to extract, and plan which packets to decode, from a policy and an index. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import compress, count, islice
from operator import and_, eq, or_
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from extractor.domain.policy import SamplingPolicy, exact_seconds
from extractor.domain.values import ValueWithLargeFields
from extractor.media.ffmpeg.expressions import LARGEST_INTEGER, FrameSelection, drop_expression, packet_filter
from extractor.media.ffmpeg.frame_stream import Timestamp
from extractor.media.frame_times import FrameTimes
from extractor.media.probe.video_index import VideoIndex
from extractor.media.references.required_packets import needed_packets, poc_anchors
from extractor.media.sampling import (
    EveryInterval,
    GivenTimes,
    SampleTimes,
    Targets,
    at_targets,
    snap_to_cheaper,
    spread_evenly,
)
from extractor.media.strategies import strategy_of


class DecodePlan(ValueWithLargeFields, frozen=True):
    """Which packets to decode for the targets.

    Attributes:
        targets: The frames that the decode must yield, in order.
        selection: How FFmpeg selects them.
        packets: The bitstream filter that drops the packets that no target needs.
        poc_anchors: The number of packets that are kept only for their picture order count. Their pictures
            may be undecodable.
        kept: One byte per packet, or AV1 frame: 1 if it is decoded, 0 if it is dropped.
    """

    large_fields: ClassVar = frozenset({"packets", "kept"})

    targets: Targets
    selection: FrameSelection
    packets: str
    poc_anchors: int = 0
    kept: bytes = b""


class DecodeSchedule(Struct, frozen=True):
    """The frames to extract from a video.

    Attributes:
        targets: The frames; ``None`` if the index has no usable timestamps.
        selection: How FFmpeg selects them; ``None`` for the keyframes of a video without usable timestamps.
        plan: The decode plan; ``None`` if all frames must be decoded.
    """

    targets: Targets | None
    selection: FrameSelection | None
    plan: DecodePlan | None


def make_schedule(index: VideoIndex, policy: SamplingPolicy) -> DecodeSchedule:
    """Schedule the frames of a video.

    Args:
        index: The index of the video.
        policy: The sampling policy; not one for scenes, whose frames `schedule_targets` schedules.
    """
    strategy = strategy_of(policy)
    if strategy.intra_only:
        return _keyframes(index, policy)
    if not index.shown_pts:
        sample_times = strategy.sample_times(policy)
        return DecodeSchedule(
            None, FrameSelection(sample_times, index.time_base, None, policy.max_frames), None
        )
    frames = _frame_times(index)
    targets = strategy.targets(frames, policy)
    has_sample_times = strategy.has_sample_times and not policy.takes_part
    if policy.counts_frames and (nth_frames := _every_nth_frame(index, frames, policy)) != targets:
        targets = nth_frames
        has_sample_times = False
    chosen = _apply_max_frames(targets, policy)
    if policy.max_frames_mode == "spread" and len(chosen) < len(targets):
        has_sample_times = False
    sample_times = strategy.sample_times(policy) if has_sample_times else _times_of(index, chosen)
    return _schedule(index, chosen, _apply_tolerance(index, chosen, policy), sample_times, policy)


def schedule_rest(
    index: VideoIndex, schedule: DecodeSchedule, done: int, policy: SamplingPolicy
) -> DecodeSchedule:
    """Return a schedule without its first `done` targets.

    Args:
        index: The index of the video.
        schedule: A schedule with known targets.
        done: The number of targets that are already extracted.
        policy: The sampling policy.
    """
    assert schedule.targets is not None
    assert schedule.selection is not None
    if policy.max_frames is not None:
        policy = replace(policy, max_frames=policy.max_frames - done)
    rest, sample_times = schedule.targets[done:], schedule.selection.sample_times
    planned = schedule.plan.targets[done:] if schedule.plan else rest
    if isinstance(sample_times, EveryInterval):
        sample_times = EveryInterval(sample_times.interval, rest.slots[0])
    else:
        sample_times = _times_of(index, rest)
    return _schedule(index, rest, planned, sample_times, policy)


def schedule_some(index: VideoIndex, targets: Targets, policy: SamplingPolicy) -> DecodeSchedule:
    """Schedule some of the frames of a schedule.

    Args:
        index: The index of the video, which has its timestamps.
        targets: The frames.
        policy: The sampling policy, which does not limit their number further.
    """
    if strategy_of(policy).intra_only:
        return _schedule_keyframes(index, targets, policy)
    return _schedule(index, targets, targets, _times_of(index, targets), policy)


def schedule_targets(
    index: VideoIndex, targets: Targets, start: Timestamp, policy: SamplingPolicy
) -> DecodeSchedule:
    """Schedule given frames.

    Args:
        index: The index of the video.
        targets: The frames, before the limit `max_frames` is applied.
        start: The timestamp of the first frame of the video.
        policy: The sampling policy.
    """
    chosen = _apply_max_frames(targets, policy)
    sample_times = at_targets(chosen, start.pts, start.time_base)
    if index.shown_pts and start == Timestamp(index.shown_pts[0], index.time_base):
        return _schedule(index, chosen, chosen, sample_times, policy)
    return DecodeSchedule(
        chosen, FrameSelection(sample_times, start.time_base, start.pts, policy.max_frames), None
    )


def _schedule(
    index: VideoIndex, targets: Targets, planned: Targets, sample_times: SampleTimes, policy: SamplingPolicy
) -> DecodeSchedule:
    """Schedule the `targets` of the `sample_times`; a decode plan yields the frames `planned` instead."""
    selection = _selection(index, sample_times, targets, policy)
    for_plan = selection if planned == targets else _selection(index, None, planned, policy)
    return DecodeSchedule(targets, selection, _plan(index, planned, for_plan))


def _keyframes(index: VideoIndex, policy: SamplingPolicy) -> DecodeSchedule:
    packets = index.packets
    if not index.shown_pts:
        return DecodeSchedule(None, None, None)
    shown = packets.are_shown
    keyframe_pts = sorted(compress(packets.pts, map(and_, shown, packets.are_keyframes)))
    part = _part_of_keyframes(index, keyframe_pts, policy)
    targets = _apply_max_frames(Targets(part, keyframe_pts[part.start : part.stop]), policy)
    return _schedule_keyframes(index, targets, policy)


def _schedule_keyframes(index: VideoIndex, targets: Targets, policy: SamplingPolicy) -> DecodeSchedule:
    selection = _selection(index, None, targets, policy)
    # The deinterlacer needs neighbouring frames.
    can_plan = bool(targets) and not index.picture.interlaced and not index.has_parameters_between_keyframes
    return DecodeSchedule(
        targets,
        selection,
        build_plan(index, targets, selection, _wanted_packets(index, targets)) if can_plan else None,
    )


def _part_of_keyframes(index: VideoIndex, keyframe_pts: Sequence[int], policy: SamplingPolicy) -> range:
    """Return the numbers of the keyframes between `start` and `end`."""
    if not policy.takes_part:
        return range(len(keyframe_pts))
    frames, shown = _frame_times(index), index.shown_pts
    within = frames.within(policy)
    first, last = (
        bisect_left(keyframe_pts, shown[number]) if number < len(shown) else len(keyframe_pts)
        for number in (within.start, within.stop)
    )
    return range(first, last)


def _frame_times(index: VideoIndex) -> FrameTimes:
    return FrameTimes(index.shown_pts, index.time_base, index.duration_seconds)


def _times_of(index: VideoIndex, targets: Targets) -> GivenTimes:
    return at_targets(targets, index.shown_pts[0], index.time_base)


def _every_nth_frame(index: VideoIndex, frames: FrameTimes, policy: SamplingPolicy) -> Targets:
    """Select every n-th frame from `start` on; n is the interval times the average frame rate, at least 1."""
    step = max(1, round(index.frame_rate * policy.interval_seconds))
    part = frames.within(policy)
    chosen = index.shown_pts[part.start : part.stop : step]
    return Targets(range(len(chosen)), chosen)


def _apply_max_frames(targets: Targets, policy: SamplingPolicy) -> Targets:
    if policy.max_frames is None:
        return targets
    if policy.max_frames_mode == "spread":
        return spread_evenly(targets, policy.max_frames)
    return targets[: policy.max_frames]


def _selection(
    index: VideoIndex, sample_times: SampleTimes | None, targets: Targets, policy: SamplingPolicy
) -> FrameSelection:
    """Select the targets by the sample times if FFmpeg can compute with them, else by their timestamps."""
    if sample_times is None or not _is_computable(sample_times, index):
        sample_times = _times_of(index, targets)
    return FrameSelection(sample_times, index.time_base, index.shown_pts[0], policy.max_frames)


def _is_computable(sample_times: SampleTimes, index: VideoIndex) -> bool:
    if not isinstance(sample_times, EveryInterval):
        return True
    per_tick = index.time_base / sample_times.interval
    return (index.shown_pts[-1] - index.shown_pts[0]) * per_tick.numerator < LARGEST_INTEGER


def _apply_tolerance(index: VideoIndex, targets: Targets, policy: SamplingPolicy) -> Targets:
    """Move targets within the tolerance to access points or, second, to reference pictures."""
    ticks = int(exact_seconds(policy.tolerance_seconds) / index.time_base)
    if not ticks or index.order is None:
        return targets
    access = map(or_, index.order.random_access, index.order.open_access)
    packets = index.packets
    kinds = [
        sorted(compress(packets.pts, map(and_, packets.are_shown, kind)))
        for kind in (access, index.order.reference)
    ]
    return snap_to_cheaper(targets, ticks, kinds)


def _plan(index: VideoIndex, targets: Targets, selection: FrameSelection) -> DecodePlan | None:
    shown = index.shown_pts
    if index.order is None or len(targets) in (0, len(shown)):
        return None
    if any(map(eq, shown, islice(shown, 1, None))):  # two frames with the same timestamp
        return None
    wanted = _wanted_packets(index, targets)
    dependencies = index.order.dependencies
    needed: Sequence[int]
    if dependencies:
        needed = dependencies.needed_frames(compress(count(), wanted))
    else:
        needed = needed_packets(index.order, wanted)
    if all(needed):
        return None
    return build_plan(index, targets, selection, needed, of_frames=dependencies is not None)


def _wanted_packets(index: VideoIndex, targets: Targets) -> bytes:
    """Return one byte per packet: 1 if its frame is a target, or it carries new parameter sets."""
    times, packets = frozenset(targets.pts), index.packets
    shown = map(and_, map(times.__contains__, packets.pts), packets.are_shown)
    return bytes(map(or_, shown, packets.have_new_parameters))


def build_plan(
    index: VideoIndex,
    targets: Targets,
    selection: FrameSelection,
    needed: Sequence[int],
    *,
    of_frames: bool = False,
) -> DecodePlan:
    """Build a decode plan.

    Args:
        index: The index of the video.
        targets: The frames.
        selection: How FFmpeg selects them.
        needed: For each packet, or each AV1 frame, whether it must be decoded.
        of_frames: Whether `needed` counts AV1 frames.
    """
    anchors = poc_anchors(index.order, needed) if index.order and not of_frames else ()
    kept = bytearray(needed)
    for anchor in anchors:
        kept[anchor] = True
    packets = packet_filter(drop_expression(kept), of_frames=of_frames)
    return DecodePlan(targets, selection, packets, len(anchors), bytes(kept))
