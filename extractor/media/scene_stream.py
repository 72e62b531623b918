"""The small raw pictures that cut detection looks at, made by the same decode as the images. Pure.

PySceneDetect reads full BGR pictures through OpenCV and samples them down to 256 pixels on the longer
side (two by two neighbours, blended, without smoothing). FFmpeg makes the same here, up to rounding,
so that scores - and with them cuts - come out equal. FFmpeg's usual ways to shrink average whole areas
and give other scores.
"""

from typing import Final

from msgspec import Struct

from extractor.media.filters import Filter

_LONGER_SIDE: Final = 256
_FULL_COLOUR: Final = "full_chroma_inp+full_chroma_int"


class SceneStream(Struct, frozen=True):
    """Filters for a branch of the decode, and what its raw frames are: `width` × `height` pixels of
    blue, green and red, each of `sample_bytes` bytes (two: little-endian, 256 times the value)."""

    filters: tuple[Filter, ...]
    width: int
    height: int
    sample_bytes: int

    @property
    def frame_bytes(self) -> int:
        return self.width * self.height * 3 * self.sample_bytes


def scene_stream(width: int, height: int) -> SceneStream:
    """The stream for a video that is shown at `width` × `height` pixels (after rotation).

    Its size stays the same when that of the video changes midway.
    """
    small_width, small_height = _sampled_size(width, height)
    size = {"w": small_width, "h": small_height}
    # First to BGR at full size: that conversion is FFmpeg's fast one, which OpenCV uses, too. Its rounding
    # is not that of the conversion while scaling, and hues of dark pictures hang on that.
    pictures: Filter = ("format", {"pix_fmts": "bgr24"})
    if _is_point_sampling(width, small_width) and _is_point_sampling(height, small_height):
        points: Filter = ("scale", {**size, "flags": f"neighbor+{_FULL_COLOUR}"})
        return SceneStream((pictures, points), small_width, small_height, sample_bytes=1)
    # Between pixels, `fast_bilinear` blends the same neighbours with the same weights as OpenCV, but only
    # when it writes 16 bits a sample: with 8 it takes a shortcut that shifts the picture.
    blend: Filter = ("scale", {**size, "flags": f"fast_bilinear+{_FULL_COLOUR}", "sws_dither": "none"})
    deep: Filter = ("format", {"pix_fmts": "bgr48le"})
    return SceneStream((pictures, blend, deep), small_width, small_height, sample_bytes=2)


def _sampled_size(width: int, height: int) -> tuple[int, int]:
    """As in `scenedetect.scene_manager`."""
    factor = max(1.0, max(width, height) / _LONGER_SIDE)
    return max(1, round(width / factor)), max(1, round(height / factor))


def _is_point_sampling(full: int, small: int) -> bool:
    """With an odd factor each sample falls on the middle of one pixel."""
    return full % small == 0 and full // small % 2 == 1
