"""Compare two videos frame by frame: the longest sequence of similar frames in the same order. Pure."""

from bisect import bisect_left

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from extractor.reconcile.duplicates.fingerprint import Fingerprint


class Evidence(Struct, frozen=True):
    """How a video matches another one.

    Attributes:
        matching_frames: The number of similar frames in the same order.
        mean_distance: Their mean Hamming distance, of 64 bits.
        offset_seconds: The time in the other video at which this one starts.
        speed: Seconds of the other video for each second of this one.
        share: The share of this video's distinct frames that match.
        share_of_other: The share of the other one's.
    """

    matching_frames: int
    mean_distance: float
    offset_seconds: float
    speed: float
    share: float
    share_of_other: float


def compare(video: Fingerprint, other: Fingerprint, distance: int) -> Evidence | None:
    """Return how the videos match; ``None`` if no frames do.

    Times do not decide, so copies at another speed, with another frame rate or with parts left out match.

    Args:
        video: A video.
        other: Another one.
        distance: The greatest Hamming distance of similar frames.
    """
    distances = np.bitwise_count(video.hashes[:, None] ^ other.hashes[None, :])
    chain = _longest_chain(distances <= distance)
    if not chain:
        return None
    ours, theirs = (list(places) for places in zip(*chain, strict=True))
    speed, offset = _line(video.seconds[ours], other.seconds[theirs])
    return Evidence(
        matching_frames=len(chain),
        mean_distance=round(float(distances[ours, theirs].mean()), 2),
        offset_seconds=round(offset, 3),
        speed=round(speed, 4),
        share=round(len(chain) / len(video.hashes), 4),
        share_of_other=round(len(chain) / len(other.hashes), 4),
    )


def _longest_chain(similar: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the longest list of places that are set, with both numbers increasing strictly."""
    ends: list[int] = []  # the smallest column that ends a chain of each length
    last: list[int] = []  # its place
    rows, columns = (places.tolist() for places in np.nonzero(similar))
    # Columns of one row from the greatest, so that no chain has two of them.
    order = sorted(range(len(rows)), key=lambda place: (rows[place], -columns[place]))
    before = [-1] * len(rows)  # the place before it in its chain
    for place in order:
        length = bisect_left(ends, columns[place])
        before[place] = last[length - 1] if length else -1
        ends[length : length + 1] = [columns[place]]
        last[length : length + 1] = [place]
    chain: list[tuple[int, int]] = []
    place = last[-1] if last else -1
    while place >= 0:
        chain.append((rows[place], columns[place]))
        place = before[place]
    return chain[::-1]


def _line(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> tuple[float, float]:
    """Return slope and offset of the line through the matches, by medians: single wrong ones do no harm."""
    one, other = ours.astype(np.float64), theirs.astype(np.float64)
    half = len(one) // 2
    spans = np.maximum(one[half:] - one[: len(one) - half], 1e-6)
    speed = float(np.median((other[half:] - other[: len(one) - half]) / spans)) if half else 1.0
    return speed, float(np.median(other - speed * one))
