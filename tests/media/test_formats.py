"""Every allowed container and codec yields the frames that PyAV decodes, with the same timestamps."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg import formats
from tests.support.media.decoding import Decode
from tests.support.media.recipes import RECIPES, WITHOUT_ENCODER, Recipe

av = pytest.importorskip("av")

_Picture = NDArray[np.int16]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_clip_gives_the_frames_that_pyav_gives_at_their_times(
    decode: Decode, clip_dir: Path, recipe: Recipe
) -> None:
    clip = recipe.make(clip_dir)
    times, pictures = _decoded_by_pyav(clip, recipe.rate)
    interval = 0.3 if recipe.frames > 5 else 0.09
    decoded = decode(clip, SamplingPolicy(interval_seconds=interval, image_format="png"), plan=True)
    assert decoded.index.codec == recipe.codec
    expected = _first_at_or_after(times, interval)
    assert [frame.pts_seconds for frame in decoded.frames] == pytest.approx(
        [times[number] for number in expected], abs=1e-3
    )
    assert [_most_alike(frame.data, pictures) for frame in decoded.frames] == expected


def test_there_is_a_recipe_for_every_codec_that_has_an_encoder() -> None:
    assert {recipe.codec for recipe in RECIPES} == set(formats.DECODERS) - WITHOUT_ENCODER


def _decoded_by_pyav(clip: Path, rate: Fraction) -> tuple[list[float], list[_Picture]]:
    """Return the times after the first frame (of raw streams by their rate), and the frames in BGR."""
    with av.open(str(clip)) as container:
        frames = list(container.decode(video=0))
        pictures = [frame.to_ndarray(format="bgr24").astype(np.int16) for frame in frames]
        if frames[0].pts is None:
            return [float(number / rate) for number in range(len(frames))], pictures
        return [float((frame.pts - frames[0].pts) * frame.time_base) for frame in frames], pictures


def _first_at_or_after(times: Sequence[float], interval: float) -> list[int]:
    """Return for each sample time the number of its frame, each frame once."""
    sample_times = (slot * interval for slot in count())
    found: dict[int, None] = {}
    for sample_time in sample_times:
        later = [number for number, time in enumerate(times) if time >= sample_time - 1e-6]
        if not later:
            return list(found)
        found[later[0]] = None
    return list(found)


def _most_alike(image: bytes, pictures: Sequence[_Picture]) -> int:
    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    height, width = pictures[0].shape[:2]
    same_size = cv2.resize(decoded, (width, height)).astype(np.int16)  # where pixels are not square
    differences = [np.abs(same_size - picture).mean() for picture in pictures]
    return int(np.argmin(differences))
