"""The fingerprint of a video: perceptual hashes and times of its distinct frames. Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from extractor.domain.frames import FrameMetrics, StoredFrame

Hashes = NDArray[np.uint64]
Seconds = NDArray[np.float32]

FEWEST_FRAMES = 3
"""A video with fewer usable frames is not compared: there is too little to tell it by."""

MOST_FRAMES = 300
"""Of a video with more distinct frames, this many are used, evenly distributed."""

_HASH = re.compile("[0-9a-f]{16}")
_STILL = 4  # a frame this near to the one kept before shows the same
_FLAT = 1.0  # sharpness of a gradient
_BITS_SET = range(16, 49)  # a picture with content sets about 32 of 64 bits


class Fingerprint(NamedTuple):
    """Hashes and times, in the order of the times; both have one element for each frame."""

    hashes: Hashes
    seconds: Seconds


def make_fingerprint(frames: Iterable[StoredFrame]) -> Fingerprint | None:
    """Return the fingerprint of a video; ``None`` if its frames have no hashes.

    Frames without content (blank, flat, a degenerate hash) and repetitions of the frame before are left out.
    """
    found: list[tuple[int, float]] = []
    has_hashes = False
    for frame in frames:
        if frame.measures is None or not _HASH.fullmatch(frame.measures.perceptual_hash):
            continue
        has_hashes = True
        bits = int(frame.measures.perceptual_hash, 16)
        if _has_content(frame.measures, bits) and not (found and (found[-1][0] ^ bits).bit_count() <= _STILL):
            found.append((bits, frame.pts_seconds))
    if not has_hashes:
        return None
    if len(found) > MOST_FRAMES:
        found = [found[place * len(found) // MOST_FRAMES] for place in range(MOST_FRAMES)]
    return Fingerprint(
        np.array([bits for bits, _ in found], np.uint64), np.array([time for _, time in found], np.float32)
    )


def _has_content(measures: FrameMetrics, bits: int) -> bool:
    return not measures.blank and measures.sharpness >= _FLAT and bits.bit_count() in _BITS_SET
