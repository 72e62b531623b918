"""From a policy and an index to what FFmpeg is asked to do: which frames, and whether by a plan. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import compress, count, pairwise
from operator import and_, or_

from msgspec import Struct

from extractor.media.expressions import Selection, packet_filter
from extractor.media.index import VideoIndex
from extractor.media.plan import drop_expression, needed_packets, signposts
from extractor.media.sampling import (
    AtTimes,
    EveryInterval,
    Instants,
    Target,
    exactly,
    find_targets,
    relax,
    spread,
)
from extractor.media.timeline import Moment
from extractor.policy import SamplingPolicy, exact_seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """The frames that must come, in order, how FFmpeg picks them, and the bitstream filter that drops
    `packets` which none of them needs, but for so many `signposts`, which perhaps cannot be decoded."""

    targets: Sequence[Target]
    selection: Selection
    packets: str = field(repr=False)
    signposts: int = 0


class Schedule(Struct, frozen=True):
    """`targets` are known beforehand if the index has usable times (else `None`). `selection` is `None`
    for keyframes of such a file, which are told by their packets. `plan` is `None` where everything must
    be decoded."""

    targets: Sequence[Target] | None
    selection: Selection | None
    plan: Plan | None


def make_schedule(index: VideoIndex, policy: SamplingPolicy) -> Schedule:
    """What to do for this video under this policy."""
    if policy.strategy == "keyframe":
        return _keyframes(index, policy)
    instants = instants_of(policy)
    if not index.shown_pts:
        return Schedule(None, Selection(instants, index.time_base, None), None)
    timed = find_targets(index.shown_pts, index.time_base, instants)
    exact = _counted(index, policy, timed) if policy.counts_frames else timed
    targets = _limited(exact, policy)
    selection = _selection(index, instants if targets == timed[: len(targets)] else None, targets)
    planned = _relaxed(index, targets, policy)
    plan = _plan(index, planned, selection if planned == targets else None) if index.order else None
    return Schedule(targets, selection, plan)


def schedule_targets(
    index: VideoIndex, targets: Sequence[Target], start: Moment, policy: SamplingPolicy
) -> Schedule:
    """What to do for frames that are known, counted from `start`."""
    chosen = _limited(targets, policy)
    selection = Selection(exactly(chosen, start.pts, start.time_base), start.time_base, start.pts)
    known = index.order is not None and start == Moment(index.first_pts or 0, index.time_base)
    return Schedule(chosen, selection, _plan(index, chosen, selection) if known else None)


def _keyframes(index: VideoIndex, policy: SamplingPolicy) -> Schedule:
    packets = index.packets
    if not index.shown_pts:
        return Schedule(None, None, None)
    shown = packets.are_shown
    found = sorted(compress(packets.pts, map(and_, shown, packets.are_keyframes)))
    targets = _limited([Target(slot, pts) for slot, pts in enumerate(found)], policy)
    wanted = {target.pts for target in targets}
    needed = [pts in wanted and is_shown == 1 for pts, is_shown in zip(packets.pts, shown, strict=True)]
    selection = _selection(index, None, targets)
    sure = bool(targets) and not index.picture.interlaced  # that needs its neighbours
    return Schedule(targets, selection, _plan_of(index, targets, selection, needed) if sure else None)


def instants_of(policy: SamplingPolicy) -> Instants:
    """The moments for which a policy other than for keyframes or scenes wants frames."""
    if policy.strategy == "timestamps":
        moments = sorted({exact_seconds(moment) for moment in policy.timestamps_seconds})
        return AtTimes(moments, range(len(moments)))
    return EveryInterval(exact_seconds(policy.interval_seconds))


def _counted(index: VideoIndex, policy: SamplingPolicy, timed: list[Target]) -> list[Target]:
    """Every n-th frame; `timed` itself if those are the same frames."""
    if policy.strategy != "uniform":
        return timed
    step = max(1, round(index.frame_rate * policy.interval_seconds))
    chosen = list(index.shown_pts[::step])
    if chosen == [target.pts for target in timed]:
        return timed
    return [Target(slot, pts) for slot, pts in enumerate(chosen)]


def _limited(targets: Sequence[Target], policy: SamplingPolicy) -> list[Target]:
    if policy.max_frames is None:
        return list(targets)
    if policy.max_frames_mode == "spread":
        return spread(targets, policy.max_frames)
    return list(targets[: policy.max_frames])


def _selection(index: VideoIndex, instants: Instants | None, targets: Sequence[Target]) -> Selection:
    """How FFmpeg finds the targets: by the instants if they are given, else each by its time."""
    assert index.first_pts is not None
    if instants is None:
        instants = exactly(targets, index.first_pts, index.time_base)
    return Selection(instants, index.time_base, index.first_pts)


def _relaxed(index: VideoIndex, targets: Sequence[Target], policy: SamplingPolicy) -> Sequence[Target]:
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
    return relax(targets, ticks, kinds)


def _plan(index: VideoIndex, targets: Sequence[Target], selection: Selection | None) -> Plan | None:
    assert index.order is not None
    packets = index.packets
    place_of = dict(compress(zip(packets.pts, count()), packets.are_shown))
    if len(place_of) != len(index.shown_pts):  # two frames with the same time
        return None
    wanted = {place_of[target.pts] for target in targets}
    dependencies = index.order.dependencies
    needed = dependencies.needed_frames(wanted) if dependencies else needed_packets(index.order, wanted)
    if all(needed) or not targets:
        return None
    selection = selection or _selection(index, None, targets)
    return _plan_of(index, targets, selection, needed, of_frames=dependencies is not None)


def _plan_of(
    index: VideoIndex,
    targets: Sequence[Target],
    selection: Selection,
    needed: Sequence[bool],
    *,
    of_frames: bool = False,
) -> Plan:
    """`needed`: for each packet, or each frame, whether it must be decoded."""
    posts = set(signposts(index.order, needed)) if index.order and not of_frames else ()
    kept = [keep or place in posts for place, keep in enumerate(needed)]
    return Plan(targets, selection, packet_filter(drop_expression(kept), of_frames=of_frames), len(posts))


def largest_gap_seconds(targets: Sequence[Target], time_base: Fraction) -> float:
    """The longest time between two neighbouring targets."""
    gaps = (later.pts - earlier.pts for earlier, later in pairwise(targets))
    return float(max(gaps, default=0) * time_base)
