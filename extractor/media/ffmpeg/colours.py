"""Determine the colour matrix, primaries and transfer of a stream from its tags. Pure.

Tags are often missing, and some name a matrix that FFmpeg's scaler does not support.
"""

from typing import Final

from msgspec import Struct

from extractor.media.ffmpeg.input_info import UNKNOWN, StreamInfo

SCALER_MATRICES: Final = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"})
"""The matrices that FFmpeg's scaler supports."""

_ZIMG_MATRICES: Final = frozenset({"ycgco", "bt2020c", "chroma-derived-nc", "chroma-derived-c", "ictcp"})
"""Further matrices that zimg supports (FFmpeg's filter zscale)."""

_ZIMG_PRIMARIES: Final = frozenset(
    {
        "bt709", "bt470m", "bt470bg", "smpte170m", "smpte240m", "film", "bt2020", "smpte428", "smpte431",
        "smpte432",
    }
)  # fmt: skip

_ZIMG_TRANSFERS: Final = frozenset(
    {
        "bt709", "smpte170m", "smpte240m", "linear", "log100", "log316", "iec61966-2-4", "iec61966-2-1",
        "bt2020-10", "bt2020-12", "smpte2084", "arib-std-b67",
    }
)  # fmt: skip

_YUV_PREFIXES: Final = (
    "yuv",
    "nv",
    "p0",
    "p2",
    "p4",
    "uyv",
    "uyy",
    "yyu",
    "yvy",
    "vuy",
    "vyu",
    "ayuv",
    "xv",
    "y2",
)
_HD_WIDTH: Final = 1280
_HD_HEIGHT: Final = 720


class Colours(Struct, frozen=True):
    """How samples are converted to RGB.

    Attributes:
        matrix: The matrix that is applied; ``None`` for formats without chroma planes (RGB, grey).
        is_assumed: Whether `matrix` is a default, because the stream has no usable tag.
        primaries: The primaries, by the names of zscale; used only for conversions by zimg.
        transfer: The transfer characteristic, likewise.
        tagged: The matrix tag of the stream, if it differs from `matrix` or only zimg supports it.
    """

    matrix: str | None = None
    is_assumed: bool = False
    primaries: str = "bt709"
    transfer: str = "bt709"
    tagged: str | None = None

    @property
    def needs_zimg(self) -> bool:
        """Whether FFmpeg's scaler does not support the matrix, but zimg does."""
        return self.matrix in _ZIMG_MATRICES


def is_high_definition(width: int, height: int) -> bool:
    """Whether players use BT.709 for untagged pictures of this size."""
    return width >= _HD_WIDTH or height >= _HD_HEIGHT


def same_matrix(matrix: str | None) -> str | None:
    """Return one name for both names of the matrix of BT.601."""
    return "smpte170m" if matrix == "bt470bg" else matrix


def colours_of(stream: StreamInfo, width: int, height: int) -> Colours:
    """Determine the colours of a stream with frames of `width` × `height` pixels.

    Without a matrix tag, the defaults are those of players: BT.2020 for HDR, else BT.709 from 720 lines or
    1,280 columns on, else BT.601.
    """
    is_hdr = stream.transfer != "sdr"
    primaries = stream.primaries if stream.primaries in _ZIMG_PRIMARIES else "bt2020" if is_hdr else "bt709"
    transfer = stream.transfer_name if stream.transfer_name in _ZIMG_TRANSFERS else "bt709"
    tagged = stream.matrix
    if not stream.pixel_format.startswith(_YUV_PREFIXES):
        is_odd = tagged not in {*SCALER_MATRICES, "gbr", UNKNOWN}
        return Colours(None, False, primaries, transfer, tagged if is_odd else None)
    if tagged in SCALER_MATRICES:
        return Colours(tagged, False, primaries, transfer)
    if tagged in _ZIMG_MATRICES and (tagged != "ictcp" or is_hdr):
        return Colours(tagged, False, primaries, transfer, tagged)
    is_hd = is_high_definition(width, height)
    assumed = "bt2020nc" if is_hdr else "bt709" if is_hd else "smpte170m"
    return Colours(assumed, True, primaries, transfer, None if tagged == UNKNOWN else tagged)
