"""What FFmpeg evaluates for each frame or packet: is it wanted? Pure.

FFmpeg reads the expressions from a descriptor, so they may be of any length. A frame or packet costs at most
the logarithm of their length.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

from extractor.media.sampling import EveryInterval, GivenTimes, SampleTimes

SPLIT_FRAMES: Final = "av1_frame_split"
"""The bitstream filter after which each packet holds one frame."""

LARGEST_INTEGER: Final = 1 << 53
"""FFmpeg computes with doubles, which hold every integer up to here."""

_ROUNDED_SECONDS: Final = 1e-8
_FLAGS_PER_NUMBER: Final = 52
_DROPPED: Final = bytes.maketrans(b"\0\1", b"10")


class FrameSelection(Struct, frozen=True):
    """The frames to keep: those that answer `instants`, counted from `first_pts` in units of `time_base`
    seconds (``None``: from the first decoded frame), but no more than `most` (``None``: no limit).
    Without a `time_base`, FFmpeg computes with rounded seconds, and its choice must be checked."""

    instants: SampleTimes
    time_base: Fraction | None
    first_pts: int | None
    most: int | None = None


def select_expression(selection: FrameSelection) -> str:
    """True for the first frame at or after each instant: when more instants were reached than at any frame
    before. If the time base is known, it computes with integers and agrees with `sampling`.

    Variables: 1 is the time since the first frame; 0 is what the last selected frame has left.
    """
    start = "start_pts" if selection.first_pts is None else str(selection.first_pts)
    passed = f"pts-({start})" if selection.time_base else f"(pts-({start}))*TB+{_ROUNDED_SECONDS}"
    instants, time_base = selection.instants, selection.time_base
    if isinstance(instants, EveryInterval):
        answers = _answers_interval(instants, time_base)
    else:
        assert isinstance(instants, GivenTimes)
        answers = _answers_times(instants.ticks(time_base) if time_base else instants.seconds)
    return f"st(1,{passed});" + at_most(selection.most, answers)


def at_most(most: int | None, condition: str) -> str:
    """True for the first `most` frames for which the condition is true; ``None`` is no limit."""
    return condition if most is None else f"if(lt(selected_n,{most}),{condition},0)"


def _answers_interval(instants: EveryInterval, time_base: Fraction | None) -> str:
    """The variable 0 is the number of instants that were reached: see `sampling.Instants.reached_after`."""
    per_tick = (time_base or 1) / instants.interval
    reached = f"floor(ld(1)*{per_tick.numerator}/{per_tick.denominator})+{1 - instants.skipped}"
    return f"if(gt(st(2,{reached}),ld(0)),st(0,ld(2)),0)"


def _answers_times(times: Sequence[int | float]) -> str:
    """The variable 0 is the next instant. It is looked up only when it was reached."""
    following = _lookup("ld(1)", times, [*times, "inf"])
    return f"if(isnan(prev_pts),st(0,{times[0]}));if(gte(ld(1),ld(0)),st(0,{following});1,0)"


def drop_expression(needed: Sequence[int]) -> str:
    """An expression of the packet's number ``n`` that is 1 for the packets to drop, else 0. `needed` has 1
    for each packet to keep, else 0. The flags of many packets are the bits of one number."""
    flags = bytes(needed).translate(_DROPPED)
    starts = range(0, len(flags), _FLAGS_PER_NUMBER)
    numbers = [int(flags[start : start + _FLAGS_PER_NUMBER][::-1], 2) for start in starts]
    changes = [place for place in range(1, len(numbers)) if numbers[place] != numbers[place - 1]]
    steps = [place * _FLAGS_PER_NUMBER for place in changes]
    number = _lookup("n", steps, [numbers[place] for place in (0, *changes)])
    return f"mod(floor({number}/pow(2,mod(n,{_FLAGS_PER_NUMBER}))),2)"


def _lookup(variable: str, steps: Sequence[object], values: Sequence[object]) -> str:
    """The value whose place is the number of steps at or below the variable: a balanced tree."""
    pieces: list[str] = []

    def write(low: int, high: int) -> None:
        if low == high:
            pieces.append(str(values[low]))
            return
        middle = (low + high) // 2
        pieces.append(f"if(lt({variable},{steps[middle]}),")
        write(low, middle)
        pieces.append(",")
        write(middle + 1, high)
        pieces.append(")")

    write(0, len(steps))
    return "".join(pieces)


def packet_filter(drop_expression: str, *, of_frames: bool = False) -> str:
    """The bitstream filter that drops the packets for which the expression is not 0; or the frames, of which
    a packet may hold several."""
    split = SPLIT_FRAMES + "," if of_frames else ""
    return split + "noise=drop=" + drop_expression.replace(",", "\\,")
