"""The small raw pictures that cut detection looks at, made by the same decode as the images. Pure.

PySceneDetect reads full BGR pictures through OpenCV and samples them down to 256 pixels on the longer
side (two by two neighbours, blended, without smoothing). FFmpeg makes the same here, up to rounding,
so that scores - and with them cuts - come out equal. FFmpeg's usual ways to shrink average whole areas
and give other scores.
"""

from typing import Final

from msgspec import Struct

from extractor.media.ffmpeg.filters import Filter

_LONGER_SIDE: Final = 256
_FULL_COLOUR: Final = "full_chroma_inp+full_chroma_int"
_HALF_COLOURED: Final = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p"})
"""Two neighbours in a row share their colour."""

# A conversion of its own, not one while scaling: it is FFmpeg's fast one then, which OpenCV uses, too. The
# rounding of the other is another, and hues of dark pictures hang on that.
_TO_BGR: Final[Filter] = ("format", {"pix_fmts": "bgr24"})


class DownscaleSpec(Struct, frozen=True):
    """Filters for a branch of the decode, and what its raw frames are: `width` × `height` pixels of
    blue, green and red, each of `sample_bytes` bytes (two: little-endian, 256 times the value). In each
    row, every pixel comes `repeats` times."""

    filters: tuple[Filter, ...]
    width: int
    height: int
    sample_bytes: int = 1
    repeats: int = 1

    @property
    def frame_bytes(self) -> int:
        return self.width * self.repeats * self.height * 3 * self.sample_bytes


def downscale_spec(width: int, height: int, pixel_format: str) -> DownscaleSpec:
    """The stream for a video that is shown at `width` × `height` pixels (after rotation).

    Its size stays the same when that of the video changes midway.
    """
    small_width, small_height = _sampled_size(width, height)
    if not (_is_point_sampling(width, small_width) and _is_point_sampling(height, small_height)):
        return _blended(small_width, small_height)
    is_even = width % 2 == height % 2 == small_width % 8 == 0
    if pixel_format in _HALF_COLOURED and is_even and width > small_width:
        return _points_first(small_width, small_height)
    points: Filter = ("scale", {"w": small_width, "h": small_height, "flags": f"neighbor+{_FULL_COLOUR}"})
    return DownscaleSpec((_TO_BGR, points), small_width, small_height)


def _points_first(width: int, height: int) -> DownscaleSpec:
    """The same pixels, chosen before they are converted. The fast conversion wants two neighbours to share
    their colour: so each comes twice."""
    points: Filter = ("scale", {"w": width, "h": height, "flags": "neighbor"})
    twice: Filter = ("scale", {"w": 2 * width, "h": height, "flags": "neighbor"})
    own_colour, shared_colour = (("format", {"pix_fmts": name}) for name in ("yuv444p", "yuv422p"))
    return DownscaleSpec((points, own_colour, twice, shared_colour, _TO_BGR), width, height, repeats=2)


def _blended(width: int, height: int) -> DownscaleSpec:
    """Between pixels, `fast_bilinear` blends the same neighbours with the same weights as OpenCV, but only
    when it writes 16 bits a sample: with 8 it takes a shortcut that shifts the picture."""
    flags = f"fast_bilinear+{_FULL_COLOUR}"
    blend: Filter = ("scale", {"w": width, "h": height, "flags": flags, "sws_dither": "none"})
    deep: Filter = ("format", {"pix_fmts": "bgr48le"})
    return DownscaleSpec((_TO_BGR, blend, deep), width, height, sample_bytes=2)


def _sampled_size(width: int, height: int) -> tuple[int, int]:
    """As in `scenedetect.scene_manager`."""
    factor = max(1.0, max(width, height) / _LONGER_SIDE)
    return max(1, round(width / factor)), max(1, round(height / factor))


def _is_point_sampling(full: int, small: int) -> bool:
    """With an odd factor each sample falls on the middle of one pixel."""
    return full % small == 0 and full // small % 2 == 1
