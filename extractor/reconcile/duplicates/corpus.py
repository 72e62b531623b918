"""The fingerprints of many videos in three arrays, 16 bytes for each frame."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from extractor.reconcile.duplicates.fingerprint import Fingerprint, Hashes, Seconds

_COMMON = 50
_COMMON_SHARE = 0.001  # of the videos


class Corpus(Struct, frozen=True):
    """Frames of all videos, ordered by video and time.

    Attributes:
        hashes: The hash of each frame.
        seconds: The time of each frame.
        starts: For each video the place of its first frame; at the end, the number of frames.
        common_frames: The number of frames that are left out because too many videos have their hash.
    """

    hashes: Hashes
    seconds: Seconds
    starts: NDArray[np.int64]
    common_frames: int = 0

    @property
    def videos(self) -> NDArray[np.uint32]:
        """The number of the video of each frame."""
        counts = np.diff(self.starts)
        return np.repeat(np.arange(len(counts), dtype=np.uint32), counts)

    def fingerprint(self, video: int) -> Fingerprint:
        """Return the fingerprint of a video, as views."""
        part = slice(int(self.starts[video]), int(self.starts[video + 1]))
        return Fingerprint(self.hashes[part], self.seconds[part])

    def identical(self) -> list[int]:
        """Return for each video the first video whose sequence of hashes is the same, or itself."""
        first: dict[bytes, int] = {}
        return [
            first.setdefault(self.hashes[start:end].tobytes(), video) if end > start else video
            for video, (start, end) in enumerate(pairwise(self.starts.tolist()))
        ]

    def distinctive(self, originals: list[int]) -> "Corpus":
        """Return the corpus without repeated videos and without hashes that are too common.

        Hashes that many unlike videos share are those of logos, title cards and the like. They say nothing
        about a video, and would make most videos candidates of most others. Repeated videos keep their
        numbers and have no frames.

        Args:
            originals: See `identical`.
        """
        videos = self.videos
        kept = (np.array(originals) == np.arange(len(originals)))[videos]
        values, counts = np.unique(self.hashes[kept], return_counts=True)
        common = values[counts > max(_COMMON, _COMMON_SHARE * len(originals))]
        # A binary search: `np.isin` sorts all frames again.
        is_common = np.zeros(len(kept), bool)
        if len(common):
            places = np.minimum(np.searchsorted(common, self.hashes), len(common) - 1)
            is_common = common[places] == self.hashes
        chosen = kept & ~is_common
        counts = np.bincount(videos[chosen], minlength=len(originals))
        return Corpus(
            self.hashes[chosen],
            self.seconds[chosen],
            np.concatenate([[0], np.cumsum(counts)]),
            int((kept & is_common).sum()),
        )


def gather(fingerprints: Iterable[Fingerprint]) -> Corpus:
    """Join fingerprints; the first is that of video 0."""
    hashes: list[Hashes] = [np.empty(0, np.uint64)]
    seconds: list[Seconds] = [np.empty(0, np.float32)]
    for one in fingerprints:
        hashes.append(one.hashes)
        seconds.append(one.seconds)
    starts = np.cumsum([len(one) for one in hashes])
    return Corpus(np.concatenate(hashes), np.concatenate(seconds), starts)
