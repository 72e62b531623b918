"""Build the filters that downscale frames for cut detection. Pure.

PySceneDetect reads full-size BGR frames with OpenCV and downscales them to 256 pixels on the longer side by
bilinear sampling without antialiasing. These filters produce the same pixels up to rounding, so that the
scores, and so the cuts, are equal. FFmpeg's default downscaling averages areas and gives other scores.
"""

from math import prod
from typing import Final

from msgspec import Struct

from extractor.media.ffmpeg.filters import Filter

_LONGER_SIDE: Final = 256
_MAX_PIPED_PIXELS: Final = 640 * 360
"""Up to this size, writing full frames to a pipe takes less time than blending pixels in FFmpeg."""
_FULL_COLOUR: Final = "full_chroma_inp+full_chroma_int"
_HALF_COLOURED: Final = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p"})
"""Pixel formats in which two neighbours in a row share their chroma."""

# A separate conversion, not part of scaling: then FFmpeg uses its fast conversion, as OpenCV does. The other
# one rounds differently, which changes the hues of dark frames.
_TO_BGR: Final[Filter] = ("format", {"pix_fmts": "bgr24"})


class DownscaleSpec(Struct, frozen=True):
    """The filters for cut detection, and the format of their raw BGR frames.

    Attributes:
        filters: The filters.
        width: In pixels.
        height: In pixels.
        sample_bytes: The bytes per sample. With 2, samples are little-endian and 256 times the value.
        repeats: How often each pixel is repeated in its row.
        full_size: Width and height of the raw frames if Python downscales them; ``None`` if FFmpeg does.
    """

    filters: tuple[Filter, ...]
    width: int
    height: int
    sample_bytes: int = 1
    repeats: int = 1
    full_size: tuple[int, int] | None = None

    @property
    def raw_size(self) -> tuple[int, int]:
        """Width and height of the raw frames."""
        return self.full_size or (self.width * self.repeats, self.height)

    @property
    def frame_bytes(self) -> int:
        """The size of one raw frame."""
        return prod(self.raw_size) * 3 * self.sample_bytes


def downscale_spec(width: int, height: int, pixel_format: str) -> DownscaleSpec:
    """Build the downscaling for a video of `width` × `height` pixels (after rotation).

    Its output keeps its size when the size of the frames changes within the video.
    """
    small_width, small_height = _sampled_size(width, height)
    if not (_is_point_sampling(width, small_width) and _is_point_sampling(height, small_height)):
        if width * height <= _MAX_PIPED_PIXELS:
            return _full_size(width, height, small_width, small_height)
        return _blended(small_width, small_height)
    is_even = width % 2 == height % 2 == small_width % 8 == 0
    if pixel_format in _HALF_COLOURED and is_even and width > small_width:
        return _point_sampled_yuv(small_width, small_height)
    points: Filter = ("scale", {"w": small_width, "h": small_height, "flags": f"neighbor+{_FULL_COLOUR}"})
    return DownscaleSpec((_TO_BGR, points), small_width, small_height)


def _point_sampled_yuv(width: int, height: int) -> DownscaleSpec:
    """Select the pixels before they are converted to BGR.

    The fast conversion requires chroma that two neighbours share: so each pixel is repeated.
    """
    points: Filter = ("scale", {"w": width, "h": height, "flags": "neighbor"})
    twice: Filter = ("scale", {"w": 2 * width, "h": height, "flags": "neighbor"})
    own_colour, shared_colour = (("format", {"pix_fmts": name}) for name in ("yuv444p", "yuv422p"))
    return DownscaleSpec((points, own_colour, twice, shared_colour, _TO_BGR), width, height, repeats=2)


def _full_size(width: int, height: int, small_width: int, small_height: int) -> DownscaleSpec:
    """Let Python downscale, with the function of PySceneDetect."""
    same: Filter = ("scale", {"w": width, "h": height, "flags": f"fast_bilinear+{_FULL_COLOUR}"})
    return DownscaleSpec((_TO_BGR, same), small_width, small_height, full_size=(width, height))


def _blended(width: int, height: int) -> DownscaleSpec:
    """Interpolate between pixels.

    `fast_bilinear` uses the neighbours and weights of OpenCV, but only with 16 bits per sample: with 8 bits
    it uses a shortcut that shifts the frame.
    """
    flags = f"fast_bilinear+{_FULL_COLOUR}"
    blend: Filter = ("scale", {"w": width, "h": height, "flags": flags, "sws_dither": "none"})
    deep: Filter = ("format", {"pix_fmts": "bgr48le"})
    return DownscaleSpec((_TO_BGR, blend, deep), width, height, sample_bytes=2)


def _sampled_size(width: int, height: int) -> tuple[int, int]:
    """Return the size that `scenedetect.scene_manager` computes."""
    factor = max(1.0, max(width, height) / _LONGER_SIDE)
    return max(1, round(width / factor)), max(1, round(height / factor))


def _is_point_sampling(full: int, small: int) -> bool:
    """Whether each sample lies on the centre of a pixel: if the factor is an odd integer."""
    return full % small == 0 and full // small % 2 == 1
