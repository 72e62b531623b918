"""Find pairs of videos that have a similar frame, in time proportional to the number of frames.

Hashes are cut into six bands. Each two bands make a table, 15 in all, in which hashes with equal bits in both
lie side by side. Each hash is compared with its nearest neighbours in each table only. Hashes that differ in
four bits or less share two bands for certain, those that differ in ten in one of four cases; copies have many
frames, of which one must be found.
"""

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from extractor.reconcile.duplicates.corpus import Corpus
from extractor.reconcile.duplicates.fingerprint import Hashes
from extractor.reconcile.scan import ProgressReporter, no_progress

_CUTS = (0, 11, 22, 33, 44, 54, 64)
_BANDS = [((1 << end) - 1) ^ ((1 << start) - 1) for start, end in pairwise(_CUTS)]
_MASKS = [one | other for one, other in combinations(_BANDS, 2)]
_NEIGHBOURS = 8


def candidate_pairs(
    corpus: Corpus, distance: int, watch: ProgressReporter = no_progress
) -> NDArray[np.uint32]:
    """Return pairs of videos that have at least one similar frame, those with the most of them first.

    Args:
        corpus: The fingerprints.
        distance: The greatest Hamming distance of similar frames.
        watch: Shows the progress.

    Returns:
        Pairs × 2 numbers of videos, the smaller first.
    """
    videos = corpus.videos
    pairs, hits = np.empty(0, np.uint64), np.empty(0, np.int64)
    for mask in watch(_MASKS, "tables", len(_MASKS)):
        found = _pairs_of_table(corpus.hashes, videos, np.uint64(mask), distance)
        pairs, places = np.unique(np.concatenate([pairs, found]), return_inverse=True)
        weights = np.concatenate([hits, np.ones(len(found), np.int64)])
        hits = np.bincount(places, weights, len(pairs)).astype(np.int64)
    ordered = pairs[np.argsort(-hits, kind="stable")]
    return np.stack([ordered >> np.uint64(32), ordered & np.uint64(0xFFFFFFFF)], axis=1).astype(np.uint32)


def _pairs_of_table(
    hashes: Hashes, videos: NDArray[np.uint32], mask: np.uint64, distance: int
) -> NDArray[np.uint64]:
    keys = hashes & mask
    order = np.argsort(keys, kind="stable")
    keys, hashes, videos = keys[order], hashes[order], videos[order]
    found = [np.empty(0, np.uint64)]
    for shift in range(1, _NEIGHBOURS + 1):
        places = np.flatnonzero((keys[:-shift] == keys[shift:]) & (videos[:-shift] != videos[shift:]))
        near = np.bitwise_count(hashes[places] ^ hashes[places + shift]) <= distance
        places = places[near]
        one, other = videos[places].astype(np.uint64), videos[places + shift].astype(np.uint64)
        found.append(np.minimum(one, other) << np.uint64(32) | np.maximum(one, other))
    return np.concatenate(found)
