"""The packets of a video stream, as compact columns: a video may have millions of them. Pure."""

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
        time_base: The unit of all times, in seconds.
        pts: The presentation times; `NO_PTS` where there is none.
        flags: For each packet the sum of `KEY`, `CORRUPT`, `DISCARD` (it is decoded, but not shown) and
            `NEW_PARAMETERS` (it changes what the decoder knows of the stream).
        end_pts: When the last shown packet ends; ``None`` if no shown packet has a pts.
    """

    time_base: Fraction
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    flags: bytearray = field(default_factory=bytearray)
    end_pts: int | None = None

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def are_shown(self) -> bytearray:
        """For each packet a byte, 1 if it is shown, else 0."""
        return are_shown(self.flags)

    @property
    def are_keyframes(self) -> bytearray:
        """For each packet a byte, 1 if it is marked as keyframe, else 0."""
        return self.flags.translate(_IS_KEYFRAME)

    @property
    def have_new_parameters(self) -> bytearray:
        """For each packet a byte, 1 if it changes what the decoder knows of the stream, else 0."""
        return self.flags.translate(_HAS_NEW_PARAMETERS)

    @property
    def shown_pts(self) -> "array[int]":
        """The pts of every packet that is shown, ascending; empty if any has none."""
        if NO_PTS in self.pts:
            return array("q")
        return ascending(array("q", compress(self.pts, self.are_shown)))


def are_shown(flags: bytearray) -> bytearray:
    """For each packet with these flags a byte, 1 if it is shown, else 0."""
    return flags.translate(_IS_SHOWN)


def ascending(values: "array[int]") -> "array[int]":
    """The values in ascending order. Takes little memory where they are nearly in order, as the times of
    frames in decode order are."""
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
