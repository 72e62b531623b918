"""Join videos that show the same content into groups."""

import numpy as np
from msgspec import Struct

from extractor.reconcile.duplicates.alignment import Evidence, compare
from extractor.reconcile.duplicates.candidates import candidate_pairs
from extractor.reconcile.duplicates.corpus import Corpus
from extractor.reconcile.duplicates.fingerprint import FEWEST_FRAMES
from extractor.reconcile.scan import ProgressReporter, no_progress


class Thresholds(Struct, frozen=True):
    """When two videos show the same content.

    Attributes:
        distance: The greatest Hamming distance of similar frames.
        share: The least share of the distinct frames of one of the two that must match.
    """

    distance: int = 10
    share: float = 0.5


class Link(Struct, frozen=True):
    """Two videos of a group, by their numbers, and how `video` matches `other`."""

    video: int
    other: int
    evidence: Evidence


class Groups(Struct, frozen=True):
    """The result.

    Attributes:
        members: Groups of two videos or more, each ordered; ordered by their first video.
        links: The links that join each group, one fewer than its videos.
        compared: For each video, whether it has enough distinct frames.
        common_frames: See `Corpus.common_frames`.
        candidates: The number of pairs that were compared frame by frame, or already had a common group.
    """

    members: list[list[int]]
    links: list[Link]
    compared: list[bool]
    common_frames: int
    candidates: int


def find_groups(corpus: Corpus, thresholds: Thresholds, watch: ProgressReporter = no_progress) -> Groups:
    """Find all groups of videos that show the same content.

    Args:
        corpus: The fingerprints of all videos.
        thresholds: What counts as the same.
        watch: Shows the progress.
    """
    counts = np.diff(corpus.starts)
    originals = corpus.identical()
    distinctive = corpus.distinctive(originals)
    enough = np.diff(distinctive.starts) >= FEWEST_FRAMES
    forest = list(range(len(originals)))
    links: list[Link] = []

    def join(video: int, other: int, fingerprints: Corpus) -> None:
        one, two = _root(forest, video), _root(forest, other)
        if one == two:
            return
        evidence = compare(
            fingerprints.fingerprint(video), fingerprints.fingerprint(other), thresholds.distance
        )
        if evidence and _same_content(evidence, thresholds):
            links.append(Link(video, other, evidence))
            forest[max(one, two)] = min(one, two)

    for video, original in enumerate(originals):
        join(video, original, corpus)
    pairs = candidate_pairs(distinctive, thresholds.distance, watch)
    for other, video in watch(pairs, "pairs", len(pairs)):
        if enough[other] and enough[video]:
            join(int(video), int(other), distinctive)
    members: dict[int, list[int]] = {}
    for video in range(len(forest)):
        members.setdefault(_root(forest, video), []).append(video)
    repeated = np.array(originals) != np.arange(len(originals))
    return Groups(
        members=[group for group in members.values() if len(group) > 1],
        links=links,
        compared=(enough | (repeated & (counts >= FEWEST_FRAMES))).tolist(),
        common_frames=distinctive.common_frames,
        candidates=len(pairs),
    )


def _same_content(evidence: Evidence, thresholds: Thresholds) -> bool:
    covered = max(evidence.share, evidence.share_of_other)
    return evidence.matching_frames >= FEWEST_FRAMES and covered >= thresholds.share


def _root(forest: list[int], video: int) -> int:
    """Return the first video of a group, and shorten the way to it."""
    while forest[video] != video:
        forest[video] = forest[forest[video]]
        video = forest[video]
    return video
