"""Sprite sheets: several pictures in one JPEG."""

from collections.abc import Sequence

import cv2
import numpy as np
from msgspec import Struct

from extractor.output.storyboard.thumbnails import Pixels

_QUALITY = 80
_BACKGROUND = 24
_INK = (200, 200, 200)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.4


class Region(Struct, frozen=True):
    """A rectangle of a sheet, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


class SheetStyle(Struct, frozen=True):
    """The style of a sheet.

    Attributes:
        gap: Pixels around each picture.
        line: Height of a line of text below each picture.
    """

    gap: int = 0
    line: int = 0


def compose(
    pictures: Sequence[Pixels], columns: int, style: SheetStyle, labels: Sequence[str] = ()
) -> tuple[bytes, list[Region]]:
    """Arrange pictures row by row, in cells as large as the largest picture.

    Args:
        pictures: The pictures.
        columns: Number of columns.
        style: Gaps and room for text.
        labels: Texts below the pictures.

    Returns:
        The JPEG, and the region of each picture.
    """
    width = max(picture.shape[1] for picture in pictures) + style.gap
    height = max(picture.shape[0] for picture in pictures) + style.line + style.gap
    rows = -(-len(pictures) // columns)
    shape = (rows * height + style.gap, min(columns, len(pictures)) * width + style.gap, 3)
    sheet = np.full(shape, _BACKGROUND, np.uint8)
    regions = []
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        x, y = column * width + style.gap, row * height + style.gap
        regions.append(Region(x, y, picture.shape[1], picture.shape[0]))
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    for region, label in zip(regions, labels, strict=False):
        origin = (region.x, region.y + region.height + style.line - 4)
        cv2.putText(sheet, label, origin, _FONT, _FONT_SCALE, _INK, 1, cv2.LINE_AA)
    return _jpeg(sheet), regions


def _jpeg(sheet: Pixels) -> bytes:
    encoded, data = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert encoded
    return data.tobytes()
