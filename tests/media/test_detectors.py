"""The detectors return the results of PySceneDetect, including the faster variants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import FlashFilter
from scenedetect.detectors import AdaptiveDetector, ContentDetector

from extractor.media.scenes.detectors import FastAdaptiveDetector, FastContentDetector, QuickFilter

_SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))


def _film(seed: int, shape: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    """Return shots of equal, similar and different frames."""
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 256, (2, *shape), dtype=np.uint8)
    return [first, first, first // 2, second, second, np.zeros(shape, np.uint8), first, second]


def _shots() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 240, (5, 36, 64, 3), dtype=np.uint8)


@given(st.integers(0, 2**32), _SHAPES)
def test_scores_are_those_of_pyscenedetect_to_the_last_bit(seed: int, shape: tuple[int, ...]) -> None:
    theirs, ours = ContentDetector(), FastContentDetector(15)
    for number, picture in enumerate(_film(seed, shape)):
        at = FrameTimecode(number, 25.0)
        assert ours._calculate_frame_score(at, picture) == theirs._calculate_frame_score(at, picture)


@pytest.mark.parametrize(
    ("theirs", "ours"), [(ContentDetector, FastContentDetector), (AdaptiveDetector, FastAdaptiveDetector)]
)
def test_the_faster_score_is_the_one_that_cuts_are_found_by(
    theirs: type[ContentDetector], ours: type[ContentDetector]
) -> None:
    film = [shot + flicker for shot in _shots() for flicker in range(8)]
    cuts = []
    for kind in (theirs, ours):
        detector = kind(min_scene_len=2)
        assert (kind is theirs) == (kind._calculate_frame_score is ContentDetector._calculate_frame_score)
        frames = (detector.process_frame(FrameTimecode(n, 25.0), shown) for n, shown in enumerate(film))
        cuts.append([found.frame_num for frame in frames for found in frame])
    assert cuts[0]
    assert cuts[0] == cuts[1]


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 9), st.sampled_from(FlashFilter.Mode))
def test_short_scenes_are_merged_as_by_pyscenedetect(
    above: list[bool], shortest: int, mode: FlashFilter.Mode
) -> None:
    theirs, ours = FlashFilter(mode, shortest), QuickFilter(mode, shortest)
    for number, is_above in enumerate(above):
        at = FrameTimecode(number, 25.0)
        assert ours.filter(at, is_above) == theirs.filter(at, is_above)


def test_the_quicker_filter_is_the_one_that_is_asked() -> None:
    detector = FastContentDetector(15)
    assert isinstance(detector._flash_filter, QuickFilter)
    assert vars(detector._flash_filter) == vars(ContentDetector(min_scene_len=15)._flash_filter)
