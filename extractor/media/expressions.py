"""What FFmpeg evaluates for each frame or packet: is it wanted? Pure."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

from extractor.media.sampling import AtTimes, EveryInterval, Instants

SPLIT_FRAMES: Final = "av1_frame_split"
"""The bitstream filter after which each packet holds one frame."""

_ROUNDED_SECONDS: Final = 1e-8


class Selection(Struct, frozen=True):
    """The frames to keep: those that answer `instants`, counted from `first_pts` in units of
    `time_base` seconds (``None``: from the first decoded frame). Without a `time_base`, FFmpeg computes
    with rounded seconds, and its choice must be checked."""

    instants: Instants
    time_base: Fraction | None
    first_pts: int | None


def select_expression(selection: Selection) -> str:
    """True for the first frame at or after each instant: when more instants were reached than at the
    frame before. Whole numbers, so that nothing is rounded, if the time base is known: then it agrees
    with `sampling`."""
    start = "start_pts" if selection.first_pts is None else str(selection.first_pts)
    now, before = (_reached(selection, f"({name}-({start}))") for name in ("pts", "prev_pts"))
    return f"if(isnan(prev_pts),gt({now},0),gt({now},{before}))"


def _reached(selection: Selection, ticks: str) -> str:
    """How many instants lie at or before `ticks`: see `sampling.Instants.reached_after`."""
    instants, time_base = selection.instants, selection.time_base
    if isinstance(instants, EveryInterval):
        per_tick = (time_base or 1) / instants.interval
        passed = ticks if time_base else f"({ticks}*TB+{_ROUNDED_SECONDS})"
        return f"(floor({passed}*{per_tick.numerator}/{per_tick.denominator})+1)"
    assert isinstance(instants, AtTimes)
    steps: Sequence[Fraction | int] = instants.ticks(time_base) if time_base else instants.seconds
    passed = ticks if time_base else f"({ticks}*TB+{_ROUNDED_SECONDS})"

    def tree(low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        return f"if(lt({passed},{steps[middle]}),{tree(low, middle)},{tree(middle + 1, high)})"

    return tree(0, len(steps))


def packet_filter(drop_expression: str, *, of_frames: bool = False) -> str:
    """The bitstream filter that drops the packets for which the expression is not 0; or the frames, of which
    a packet may hold several."""
    split = SPLIT_FRAMES + "," if of_frames else ""
    return split + "noise=drop=" + drop_expression.replace(",", "\\,")
