"""Splits of a data set by a hash of the video's code. Pure: no I/O."""

import hashlib
from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct


class Split(Struct, frozen=True):
    """A part of a data set.

    Attributes:
        name: Its name.
        share: Its share of the videos, above 0 and up to 1.
    """

    name: str
    share: Fraction


def split_of(code: str, splits: Sequence[Split]) -> str:
    """Return the name of the split of a video. It depends on nothing but the code and the splits."""
    place, passed = Fraction(int(hashlib.sha256(code.encode()).hexdigest(), 16), 1 << 256), Fraction(0)
    for split in splits:
        passed += split.share
        if place < passed:
            return split.name
    raise ValueError("the shares do not add up to 1")
