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
        read_size: Returns width and height of an image that FFmpeg has encoded, in pixels.
    """

    name: ImageFormat
    pixel_format: str
    yuv_range: Literal["pc", "tv"] | None
    encoder_options: Callable[[int], Mapping[str, object]]
    read_size: Callable[[bytes], tuple[int, int]]

    @property
    def scale_options(self) -> Mapping[str, str]:
        """Options of the filter ``scale`` for the range and the matrix."""
        matrix = {} if self.yuv_range is None else {"out_color_matrix": "bt601"}
        return {**matrix, "out_range": "limited" if self.yuv_range == "tv" else "full"}


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


def _jpeg_size(image: bytes) -> tuple[int, int]:
    """Read the frame header: the first of SOF0 to SOF15, without DHT, JPG and DAC (ITU-T T.81, B.1)."""
    start = 2
    while image[start + 1] & 0xF0 != 0xC0 or image[start + 1] in (0xC4, 0xC8, 0xCC):
        start += 2 + int.from_bytes(image[start + 2 : start + 4])
    return int.from_bytes(image[start + 7 : start + 9]), int.from_bytes(image[start + 5 : start + 7])


def _png_size(image: bytes) -> tuple[int, int]:
    """Read the chunk IHDR, which is the first one (https://www.w3.org/TR/png-3/#11IHDR)."""
    return int.from_bytes(image[16:20]), int.from_bytes(image[20:24])


def _webp_size(image: bytes) -> tuple[int, int]:
    """Read the header of the key frame in the only chunk, ``VP8 `` (RFC 6386, section 9.1)."""
    width, height = (int.from_bytes(image[at : at + 2], "little") for at in (26, 28))
    return width & 0x3FFF, height & 0x3FFF


_ROWS: Final = (
    # Readers of JPEG assume full-range BT.601 (JFIF).
    ImageFormatSpec("jpg", "yuv420p", "pc", _jpeg_encoder, _jpeg_size),
    # Readers of WebP assume limited-range BT.601.
    ImageFormatSpec("webp", "yuv420p", "tv", _webp_encoder, _webp_size),
    ImageFormatSpec("png", "rgb24", None, _png_encoder, _png_size),
)

FORMATS: Final[dict[ImageFormat, ImageFormatSpec]] = {row.name: row for row in _ROWS}
"""The image formats by name."""
