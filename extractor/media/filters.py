"""The filters that make a decoded frame a picture that a person would call right. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from extractor.media.header import Transfer
from extractor.policy import ImageFormat, SamplingPolicy

Filter = tuple[str, Mapping[str, object]]

GREY_SIDE = 256
GREY: tuple[Filter, ...] = (
    ("scale", {"w": GREY_SIDE, "h": GREY_SIDE, "flags": "area", "out_range": "full"}),
    ("format", {"pix_fmts": "gray"}),
)
"""From a frame to the small picture that is measured: `GREY_SIDE` squared bytes, row by row."""

_RANGE_AND_MATRIX: Mapping[ImageFormat, Mapping[str, str]] = {
    # JPEG readers assume full-range BT.601 (JFIF), WebP readers limited-range BT.601.
    "jpg": {"out_color_matrix": "bt601", "out_range": "full"},
    "webp": {"out_color_matrix": "bt601", "out_range": "limited"},
    "png": {"out_range": "full"},
}
_PIXEL_FORMATS: Mapping[ImageFormat, str] = {"jpg": "yuvj420p", "webp": "yuv420p", "png": "rgb24"}


class Picture(Struct, frozen=True):
    """What a stream's frames are, as far as filters must know. `interlaced` pictures need their
    neighbours, so that none may be left out before the filter."""

    interlaced: bool
    transfer: Transfer


USUAL = Picture(interlaced=False, transfer="sdr")


def before_selection(picture: Picture) -> list[Filter]:
    """Filters with a memory: they must see every frame."""
    if not picture.interlaced:
        return []
    # The deinterlacer counts time in half ticks; the last filter undoes that.
    return [("bwdif", {"mode": "send_frame", "deint": "interlaced"}), ("settb", {"expr": "intb*2"})]


def after_selection(picture: Picture, policy: SamplingPolicy) -> list[Filter]:
    """From a decoded frame to what the image encoder takes: standard dynamic range, square pixels, the
    asked size, the colours that readers of the format assume."""
    return [
        *_tone_map(picture.transfer),
        ("scale", {**_size(policy), **_RANGE_AND_MATRIX[policy.image_format]}),
        ("setsar", {"sar": "1"}),
        ("format", {"pix_fmts": _PIXEL_FORMATS[policy.image_format]}),
    ]


def _tone_map(transfer: Transfer) -> list[Filter]:
    """BT.2020 with PQ or HLG to BT.709. 203 cd/m² is the white of graphics in HDR (ITU-R BT.2408)."""
    if transfer == "sdr":
        return []
    curve = {"pq": "smpte2084", "hlg": "arib-std-b67"}[transfer]
    return [
        ("zscale", {"tin": curve, "pin": "bt2020", "min": "bt2020nc", "t": "linear", "npl": 203}),
        ("format", {"pix_fmts": "gbrpf32le"}),
        ("zscale", {"p": "bt709"}),
        ("tonemap", {"tonemap": "mobius", "desat": 0}),
        ("zscale", {"t": "bt709", "m": "bt709", "r": "tv"}),
        ("format", {"pix_fmts": "yuv420p"}),
    ]


def _size(policy: SamplingPolicy) -> Mapping[str, str]:
    """Square pixels by widening or heightening, then shrinking into the asked box; even if shrunk."""
    square = "st(0,iw*max(sar,1));st(1,ih/min(sar,1))"
    boxes = [
        f"{most}/ld({side})"
        for most, side in ((policy.max_width, 0), (policy.max_height, 1))
        if most is not None
    ]
    share = "1"
    for box in boxes:
        share = f"min({share},{box})"
    shrink = f"{square};st(2,{share})"

    def side(number: int) -> str:
        return f"{shrink};if(lt(ld(2),1),max(2,2*floor(ld({number})*ld(2)/2+0.0001)),round(ld({number})))"

    return {"w": side(0), "h": side(1), "flags": "bicubic"}
