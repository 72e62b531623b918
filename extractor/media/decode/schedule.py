"""From a policy and an index to what FFmpeg is asked to do: which frames, and whether by a plan. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import compress, count, islice, pairwise
from operator import and_, eq, or_

from msgspec import Struct
from msgspec.structs import replace

from extractor.domain.policy import SamplingPolicy, exact_seconds, least_seconds
from extractor.media.ffmpeg.expressions import LARGEST_INTEGER, FrameSelection, drop_expression, packet_filter
from extractor.media.ffmpeg.frame_stream import Timestamp
from extractor.media.probe.index import VideoIndex
from extractor.media.references.required_packets import needed_packets, poc_anchors
from extractor.media.sampling import (
    EveryInterval,
    GivenTimes,
    SampleTimes,
    Targets,
    at_targets,
    find_targets,
    snap_to_cheaper,
    spread_evenly,
)


@dataclass(frozen=True, slots=True)
class DecodePlan:
    """The frames that must come, in order, how FFmpeg picks them, and the bitstream filter that drops
    `packets` which none of them needs, but for so many `signposts`, which perhaps cannot be decoded."""

    targets: Targets
    selection: FrameSelection
    packets: str = field(repr=False)
    poc_anchors: int = 0


class DecodeSchedule(Struct, frozen=True):
    """`targets` are known beforehand if the index has usable times (else `None`). `selection` is `None`
    for keyframes of such a file, which are told by their packets. `plan` is `None` where everything must
    be decoded."""

    targets: Targets | None
    selection: FrameSelection | None
    plan: DecodePlan | None


def make_schedule(index: VideoIndex, policy: SamplingPolicy) -> DecodeSchedule:
    """What to do for this video under this policy."""
    if policy.strategy == "keyframe":
        return _keyframes(index, policy)
    instants = instants_of(policy)
    if not index.shown_pts:
        return DecodeSchedule(None, FrameSelection(instants, index.time_base, None, policy.max_frames), None)
    targets = find_targets(index.shown_pts, index.time_base, instants)
    if policy.counts_frames and (counted := _counted(index, policy)) != targets:
        targets = counted
        instants = at_targets(targets, index.shown_pts[0], index.time_base)
    chosen = _limited(targets, policy)
    if policy.max_frames_mode == "spread" and len(chosen) < len(targets):
        instants = at_targets(chosen, index.shown_pts[0], index.time_base)
    return _schedule(index, chosen, _relaxed(index, chosen, policy), instants, policy)


def schedule_rest(
    index: VideoIndex, schedule: DecodeSchedule, done: int, policy: SamplingPolicy
) -> DecodeSchedule:
    """The schedule without its first targets, of which so many are `done`."""
    assert schedule.targets is not None
    assert schedule.selection is not None
    if policy.max_frames is not None:
        policy = replace(policy, max_frames=policy.max_frames - done)
    rest, instants = schedule.targets[done:], schedule.selection.instants
    planned = schedule.plan.targets[done:] if schedule.plan else rest
    if isinstance(instants, EveryInterval):
        instants = EveryInterval(instants.interval, rest.slots[0])
    else:
        instants = at_targets(rest, index.shown_pts[0], index.time_base)
    return _schedule(index, rest, planned, instants, policy)


def schedule_targets(
    index: VideoIndex, targets: Targets, start: Timestamp, policy: SamplingPolicy
) -> DecodeSchedule:
    """What to do for frames that are known, counted from `start`."""
    chosen = _limited(targets, policy)
    instants = at_targets(chosen, start.pts, start.time_base)
    if index.shown_pts and start == Timestamp(index.shown_pts[0], index.time_base):
        return _schedule(index, chosen, chosen, instants, policy)
    return DecodeSchedule(
        chosen, FrameSelection(instants, start.time_base, start.pts, policy.max_frames), None
    )


def _schedule(
    index: VideoIndex, targets: Targets, planned: Targets, instants: SampleTimes, policy: SamplingPolicy
) -> DecodeSchedule:
    """For `targets` of a video whose times are known, which answer `instants`; a plan takes the `planned`."""
    selection = _selection(index, instants, targets, policy)
    for_plan = selection if planned == targets else _selection(index, None, planned, policy)
    return DecodeSchedule(targets, selection, _plan(index, planned, for_plan))


def _keyframes(index: VideoIndex, policy: SamplingPolicy) -> DecodeSchedule:
    packets = index.packets
    if not index.shown_pts:
        return DecodeSchedule(None, None, None)
    shown = packets.are_shown
    found = sorted(compress(packets.pts, map(and_, shown, packets.are_keyframes)))
    targets = _limited(Targets(range(len(found)), found), policy)
    selection = _selection(index, None, targets, policy)
    # Interlaced pictures need their neighbours.
    sure = bool(targets) and not index.picture.interlaced and not index.has_parameters_between_keyframes
    return DecodeSchedule(
        targets, selection, _plan_of(index, targets, selection, _wanted(index, targets)) if sure else None
    )


def instants_of(policy: SamplingPolicy) -> SampleTimes:
    """The moments for which a policy other than for keyframes or scenes wants frames."""
    if policy.strategy == "timestamps":
        moments = [least_seconds(moment) for moment in sorted(set(policy.timestamps_seconds))]
        return GivenTimes(moments, range(len(moments)))
    return EveryInterval(exact_seconds(policy.interval_seconds))


def _counted(index: VideoIndex, policy: SamplingPolicy) -> Targets:
    """Every n-th frame, for as many frames a second as the policy asks for."""
    step = max(1, round(index.frame_rate * policy.interval_seconds))
    chosen = index.shown_pts[::step]
    return Targets(range(len(chosen)), chosen)


def _limited(targets: Targets, policy: SamplingPolicy) -> Targets:
    if policy.max_frames is None:
        return targets
    if policy.max_frames_mode == "spread":
        return spread_evenly(targets, policy.max_frames)
    return targets[: policy.max_frames]


def _selection(
    index: VideoIndex, instants: SampleTimes | None, targets: Targets, policy: SamplingPolicy
) -> FrameSelection:
    """How FFmpeg finds the targets: by the instants if they are given and FFmpeg can compute with them, else
    each by its time."""
    first_pts = index.shown_pts[0]
    if instants is None or not _is_computable(instants, index):
        instants = at_targets(targets, first_pts, index.time_base)
    return FrameSelection(instants, index.time_base, first_pts, policy.max_frames)


def _is_computable(instants: SampleTimes, index: VideoIndex) -> bool:
    if not isinstance(instants, EveryInterval):
        return True
    per_tick = index.time_base / instants.interval
    return (index.shown_pts[-1] - index.shown_pts[0]) * per_tick.numerator < LARGEST_INTEGER


def _relaxed(index: VideoIndex, targets: Targets, policy: SamplingPolicy) -> Targets:
    """Keyframes first, then reference pictures."""
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
    if any(map(eq, shown, islice(shown, 1, None))):  # two frames with the same time
        return None
    wanted = _wanted(index, targets)
    dependencies = index.order.dependencies
    needed: Sequence[int]
    if dependencies:
        needed = dependencies.needed_frames(compress(count(), wanted))
    else:
        needed = needed_packets(index.order, wanted)
    if all(needed):
        return None
    return _plan_of(index, targets, selection, needed, of_frames=dependencies is not None)


def _wanted(index: VideoIndex, targets: Targets) -> bytes:
    """For each packet 1 if it is shown as one of the targets, or changes the parameters for what follows."""
    times, packets = frozenset(targets.pts), index.packets
    shown = map(and_, map(times.__contains__, packets.pts), packets.are_shown)
    return bytes(map(or_, shown, packets.have_new_parameters))


def _plan_of(
    index: VideoIndex,
    targets: Targets,
    selection: FrameSelection,
    needed: Sequence[int],
    *,
    of_frames: bool = False,
) -> DecodePlan:
    """`needed`: for each packet, or each frame, whether it must be decoded."""
    posts = poc_anchors(index.order, needed) if index.order and not of_frames else ()
    kept = bytearray(needed)
    for post in posts:
        kept[post] = True
    return DecodePlan(
        targets, selection, packet_filter(drop_expression(kept), of_frames=of_frames), len(posts)
    )


def largest_gap_seconds(targets: Targets, time_base: Fraction) -> float:
    """The longest time between two neighbouring targets."""
    gaps = (later - earlier for earlier, later in pairwise(targets.pts))
    return float(max(gaps, default=0) * time_base)
