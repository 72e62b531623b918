"""Build the expressions that FFmpeg evaluates to select frames or drop packets. Pure.

FFmpeg reads the expressions from a file, so their length is not limited. Their evaluation takes logarithmic
time. Syntax: https://ffmpeg.org/ffmpeg-utils.html#Expression-Evaluation
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

from extractor.media.sampling import EveryInterval, GivenTimes, SampleTimes

SPLIT_FRAMES: Final = "av1_frame_split"
"""The bitstream filter that splits AV1 packets into one packet per frame."""

LARGEST_INTEGER: Final = 1 << 53
"""FFmpeg computes with doubles, which represent all integers up to here."""

_ROUNDED_SECONDS: Final = 1e-8
_FLAGS_PER_NUMBER: Final = 52
_DROPPED: Final = bytes.maketrans(b"\0\1", b"10")


class FrameSelection(Struct, frozen=True):
    """The frames to select.

    Attributes:
        sample_times: The sample times whose first frame at or after them is selected.
        time_base: The unit of timestamps, in seconds; ``None`` if unknown. Then FFmpeg computes with rounded
            seconds, and the caller must check the result.
        first_pts: The timestamp that the sample times count from; ``None`` for the first decoded frame.
        max_frames: The maximum number of frames; ``None`` for no limit.
    """

    sample_times: SampleTimes
    time_base: Fraction | None
    first_pts: int | None
    max_frames: int | None = None


def select_expression(selection: FrameSelection) -> str:
    """Build the expression that is true for the first frame at or after each sample time.

    That is a frame before which fewer sample times were reached. With a known time base, the expression uses
    integers and agrees with `sampling`. Variable 1 is the time since the first frame, variable 0 the state
    after the last selected frame.
    """
    start = "start_pts" if selection.first_pts is None else str(selection.first_pts)
    passed = f"pts-({start})" if selection.time_base else f"(pts-({start}))*TB+{_ROUNDED_SECONDS}"
    sample_times, time_base = selection.sample_times, selection.time_base
    if isinstance(sample_times, EveryInterval):
        condition = _interval_condition(sample_times, time_base)
    else:
        assert isinstance(sample_times, GivenTimes)
        condition = _times_condition(sample_times.ticks(time_base) if time_base else sample_times.seconds)
    return f"st(1,{passed});" + at_most(selection.max_frames, condition)


def at_most(max_frames: int | None, condition: str) -> str:
    """Build the expression that is true for the first `max_frames` frames that meet the condition.

    ``None`` is no limit.
    """
    return condition if max_frames is None else f"if(lt(selected_n,{max_frames}),{condition},0)"


def _interval_condition(sample_times: EveryInterval, time_base: Fraction | None) -> str:
    """Variable 0 is the number of sample times reached: see `sampling.SampleTimes.reached_after`."""
    per_tick = (time_base or 1) / sample_times.interval
    reached = f"floor(ld(1)*{per_tick.numerator}/{per_tick.denominator})+{1 - sample_times.skipped}"
    return f"if(gt(st(2,{reached}),ld(0)),st(0,ld(2)),0)"


def _times_condition(times: Sequence[int | float]) -> str:
    """Variable 0 is the next sample time. It is looked up only after it was reached."""
    following = _lookup("ld(1)", times, [*times, "inf"])
    return f"if(isnan(prev_pts),st(0,{times[0]}));if(gte(ld(1),ld(0)),st(0,{following});1,0)"


def drop_expression(needed: Sequence[int]) -> str:
    """Build the expression of the packet number ``n`` that is 1 for packets to drop, else 0.

    The flags of 52 packets are stored as the bits of one number.

    Args:
        needed: For each packet 1 to keep it, 0 to drop it.
    """
    flags = bytes(needed).translate(_DROPPED)
    starts = range(0, len(flags), _FLAGS_PER_NUMBER)
    numbers = [int(flags[start : start + _FLAGS_PER_NUMBER][::-1], 2) for start in starts]
    changes = [position for position in range(1, len(numbers)) if numbers[position] != numbers[position - 1]]
    steps = [position * _FLAGS_PER_NUMBER for position in changes]
    number = _lookup("n", steps, [numbers[position] for position in (0, *changes)])
    return f"mod(floor({number}/pow(2,mod(n,{_FLAGS_PER_NUMBER}))),2)"


def _lookup(variable: str, steps: Sequence[object], values: Sequence[object]) -> str:
    """Return a balanced tree of conditions: the value at the number of steps at or below the variable."""
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
    """Build the bitstream filter that drops the packets for which the expression is not 0.

    Args:
        drop_expression: The expression.
        of_frames: Whether it applies to AV1 frames, of which a packet may hold several.
    """
    split = SPLIT_FRAMES + "," if of_frames else ""
    return split + "noise=drop=" + drop_expression.replace(",", "\\,")
