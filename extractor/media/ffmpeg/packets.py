"""Hold the packets of a video stream as compact columns: a video may have millions. Pure."""

from array import array
from fractions import Fraction
from itertools import compress, islice
from operator import le
from typing import Final

from msgspec import Struct, field

NO_PTS: Final = -(1 << 63)
KEY, CORRUPT, DISCARD, NEW_PARAMETERS = 1, 2, 4, 8

_IS_SHOWN: Final = bytes(not flags & DISCARD for flags in range(256))
_IS_KEYFRAME: Final = bytes(flags & KEY for flags in range(256))
_HAS_NEW_PARAMETERS: Final = bytes(bool(flags & NEW_PARAMETERS) for flags in range(256))

_SORT_BLOCK: Final = 1 << 15
_MAX_REORDERING: Final = 1 << 12


class PacketTable(Struct, frozen=True):
    """The packets of one stream in decode order, as columns.

    Attributes:
        time_base: The unit of all timestamps, in seconds.
        pts: The presentation timestamps; `NO_PTS` for packets without one.
        flags: For each packet the sum of `KEY`, `CORRUPT`, `DISCARD` (decoded, but not shown) and
            `NEW_PARAMETERS` (it carries new parameter sets).
        end_pts: The end of the last shown packet; ``None`` if no shown packet has a pts.
    """

    time_base: Fraction
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    flags: bytearray = field(default_factory=bytearray)
    end_pts: int | None = None

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def are_shown(self) -> bytearray:
        """One byte per packet: 1 if it is shown, else 0."""
        return are_shown(self.flags)

    @property
    def are_keyframes(self) -> bytearray:
        """One byte per packet: 1 if it is flagged as keyframe, else 0."""
        return self.flags.translate(_IS_KEYFRAME)

    @property
    def have_new_parameters(self) -> bytearray:
        """One byte per packet: 1 if it carries new parameter sets, else 0."""
        return self.flags.translate(_HAS_NEW_PARAMETERS)

    @property
    def shown_pts(self) -> "array[int]":
        """The pts of all shown packets, ascending; empty if any packet has no pts."""
        if NO_PTS in self.pts:
            return array("q")
        return ascending(array("q", compress(self.pts, self.are_shown)))


def are_shown(flags: bytearray) -> bytearray:
    """Return one byte per packet with these flags: 1 if it is shown, else 0."""
    return flags.translate(_IS_SHOWN)


def ascending(values: "array[int]") -> "array[int]":
    """Return the values in ascending order.

    Uses little memory for values that are nearly sorted, such as the pts of frames in decode order.
    """
    if all(map(le, values, islice(values, 1, None))):
        return values
    result, held = array("q"), list[int]()
    for start in range(0, len(values), _SORT_BLOCK):
        held += values[start : start + _SORT_BLOCK]
        held.sort()
        if result and held[0] < result[-1]:
            return array("q", sorted(values))
        result.extend(held[:-_MAX_REORDERING])
        held = held[-_MAX_REORDERING:]
    result.extend(held)
    return result
