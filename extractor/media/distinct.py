"""Choose the frames of a video that differ most: greedily, the farthest one first. Pure.

This module imports numpy: import it only if distinct frames are requested.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct


class DistinctFrames(Struct, frozen=True):
    """The result of a choice among the frames of a video.

    Attributes:
        kept: The positions of the kept frames among all, ascending; at least one.
        same_as: For each frame, the position in `kept` of the kept frame that differs least.
        distances: For each frame, in how many bits its hash differs from that of this kept frame.
    """

    kept: Sequence[int]
    same_as: Sequence[int]
    distances: Sequence[int]


def farthest_first(hashes: Sequence[str], most: int | None, too_near: int) -> DistinctFrames:
    """Choose frames one by one: the first one, and then always the one farthest from all chosen before.

    The distance of two frames is the number of bits in which their hashes differ. Of frames that are equally
    far, the earliest is chosen. A choice of more frames includes that of fewer.

    Args:
        hashes: The 64-bit perceptual hashes of the frames in hexadecimal; at least one.
        most: The greatest number of frames to choose; ``None`` for no limit.
        too_near: Choose no frame that differs in at most this many bits from one chosen before.

    Returns:
        The chosen frames, and which of them stands for each frame.
    """
    codes = np.array([int(text, 16) for text in hashes], np.uint64)
    distances = np.full(len(codes), 65, np.uint8)
    nearest = np.zeros(len(codes), np.int64)
    chosen: list[int] = []
    farthest = 0
    while most is None or len(chosen) < most:
        new = np.bitwise_count(codes ^ codes[farthest])
        closer = new < distances
        distances[closer] = new[closer]
        nearest[closer] = len(chosen)
        chosen.append(farthest)
        farthest = int(distances.argmax())
        if distances[farthest] <= too_near:
            break
    order = np.argsort(chosen)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(chosen))
    return DistinctFrames(sorted(chosen), rank[nearest].tolist(), distances.tolist())
