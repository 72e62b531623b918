"""Describe the image formats: one row of `FORMATS` holds what FFmpeg needs for a format. Pure."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from msgspec import Struct

from extractor.domain.policy import ImageFormat


class ImageFormatSpec(Struct, frozen=True):
    """How FFmpeg encodes an image format.

    Attributes:
        name: The name in the sampling policy, which is also the file name extension.
        pixel_format: The pixel format that the encoder gets.
        yuv_range: The range of BT.601 samples that readers of the format assume, as the filter
            ``colorspace`` names it; ``None`` for RGB.
        encoder_options: Returns the output options of FFmpeg for a quality of 1-100.
    """

    name: ImageFormat
    pixel_format: str
    yuv_range: Literal["pc", "tv"] | None
    encoder_options: Callable[[int], Mapping[str, object]]

    @property
    def scale_options(self) -> Mapping[str, str]:
        """Options of the filter ``scale`` for the range, the matrix and the quality."""
        if self.yuv_range is None:  # without these flags, greens are darker by 1.5 of 255
            return {"out_range": "full", "flags": "bicubic+accurate_rnd+full_chroma_int"}
        out_range = "limited" if self.yuv_range == "tv" else "full"
        return {"out_color_matrix": "bt601", "out_range": out_range, "flags": "bicubic"}


def jpeg_qscale(quality: int) -> int:
    """Convert a quality on the scale of libjpeg to FFmpeg's quantiser.

    libjpeg scales its quantisation tables by 5000/q percent below 50 and by 200-2q percent above; FFmpeg by
    qscale/8.

    Args:
        quality: 1 (worst) to 100.

    Returns:
        The quantiser: 1 (best) to 31.
    """
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    return min(31, max(1, round(percent * 8 / 100)))


def _jpeg_encoder(quality: int) -> Mapping[str, object]:
    return {"c:v": "mjpeg", "q:v": jpeg_qscale(quality), "qmin": 1}


def _webp_encoder(quality: int) -> Mapping[str, object]:
    return {"c:v": "libwebp", "quality": quality}


def _png_encoder(_quality: int) -> Mapping[str, object]:
    return {"c:v": "png"}


_ROWS: Final = (
    # Readers of JPEG assume full-range BT.601 (JFIF).
    ImageFormatSpec("jpg", "yuv420p", "pc", _jpeg_encoder),
    # Readers of WebP assume limited-range BT.601.
    ImageFormatSpec("webp", "yuv420p", "tv", _webp_encoder),
    ImageFormatSpec("png", "rgb24", None, _png_encoder),
)

FORMATS: Final[dict[ImageFormat, ImageFormatSpec]] = {row.name: row for row in _ROWS}
"""The image formats by name."""
