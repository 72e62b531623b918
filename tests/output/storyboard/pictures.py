"""Frames that can be told apart when they are small, and a look at sprites."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from extractor.domain.frames import Frame
from extractor.domain.policy import ImageFormat
from extractor.output.storyboard.thumbnails import Pixels


def frames(count: int, width: int, height: int, image_format: ImageFormat = "jpg") -> Iterator[Frame]:
    """One for each second, each of a colour of its own with a brighter left half."""
    for index in range(count):
        picture = np.empty((height, width, 3), np.uint8)
        picture[:] = colour(index)
        picture[:, : width // 2] += 40
        data = cv2.imencode(f".{image_format}", picture)[1].tobytes()
        yield Frame(index, index, float(index), data, width, height)


def colour(index: int) -> tuple[int, int, int]:
    """Blue, green, red."""
    return index % 6 * 40, index // 6 % 6 * 40, index // 36 % 6 * 40


def read(path: Path) -> Pixels:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture.astype(np.uint8)


def difference(one: Pixels, other: Pixels) -> float:
    """The mean over all pixels, 0-255; the other one is made as large as the first."""
    height, width, _ = one.shape
    scaled = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
    return float(cv2.absdiff(one, scaled).mean())
