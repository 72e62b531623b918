"""Drop blank frames and near-duplicates. The remaining frames keep their numbers and timestamps."""

from collections.abc import Iterable, Iterator

from extractor.domain.frames import Frame
from extractor.domain.policy import SamplingPolicy


def drop_redundant(frames: Iterable[Frame], policy: SamplingPolicy) -> Iterator[Frame]:
    """Yield the frames that the policy does not skip; if it skips all of them, the first frame.

    Args:
        frames: The frames, with metrics if the policy needs them.
        policy: The sampling policy (`skip_blank`, `skip_similar`).
    """
    first: Frame | None = None
    kept: Frame | None = None
    for frame in frames:
        first = first or frame
        if not _is_skipped(frame, kept, policy):
            kept = frame
            yield frame
    if first is not None and kept is None:
        yield first


def hamming(one: str, other: str) -> int:
    """Return the Hamming distance of two 64-bit perceptual hashes in hexadecimal."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _is_skipped(frame: Frame, last_kept: Frame | None, policy: SamplingPolicy) -> bool:
    measures = frame.measures
    if measures is None:
        return False
    if policy.skip_blank and measures.blank:
        return True
    if policy.skip_similar is None or last_kept is None or last_kept.measures is None:
        return False
    distance = hamming(measures.perceptual_hash, last_kept.measures.perceptual_hash)
    return distance <= policy.skip_similar
