"""Pictures side by side in one."""

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
    """A rectangle of a sheet in pixels, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


class SheetStyle(Struct, frozen=True):
    """`gap` pixels around each picture, and room for a line of text of that height below it."""

    gap: int = 0
    line: int = 0


def compose(
    pictures: Sequence[Pixels], columns: int, style: SheetStyle, labels: Sequence[str] = ()
) -> tuple[bytes, list[Region]]:
    """A JPEG with the pictures row by row, and where in it each of them is. Cells are as large as the largest
    picture."""
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
