"""The filters that make a decoded frame a picture that a person would call right. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from extractor.domain.policy import ImageFormat, SamplingPolicy
from extractor.media.ffmpeg.colours import SCALER_MATRICES, Colours, colours_of
from extractor.media.ffmpeg.input_info import UNKNOWN, StreamInfo, Transfer

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


_DEEP_YUV: Filter = ("format", {"pix_fmts": "yuv444p16le"})
"""Every pixel has its own chroma: zimg refuses sizes that subsampled chroma does not divide."""
_DEEP_RGB: Filter = ("format", {"pix_fmts": "gbrp16le"})

_LEAST_FOR_DEINTERLACER = (3, 4)


class SignalFormat(Struct, frozen=True):
    """What filters must know of a stream's frames.

    Attributes:
        interlaced: Whether frames consist of two fields, as the header or any frame says. Such frames need
            their neighbours, so that none may be left out before the filter.
        transfer: The kind of dynamic range.
        colours: How samples are read.
        is_odd: Whether the size is one that subsampled chroma does not divide.
        is_careful: Whether filters must work whatever size and tags the frames have: for videos whose
            frames change midway.
    """

    interlaced: bool = False
    transfer: Transfer = "sdr"
    colours: Colours = Colours()
    is_odd: bool = False
    is_careful: bool = False


PROGRESSIVE_SDR = SignalFormat()


def signal_format(stream: StreamInfo, width: int, height: int) -> SignalFormat:
    """What the header says of frames of that size."""
    least_width, least_height = _LEAST_FOR_DEINTERLACER
    return SignalFormat(
        stream.is_interlaced and width >= least_width and height >= least_height,
        stream.transfer,
        colours_of(stream, width, height),
        is_odd=bool(width % 2 or height % 2),
    )


def colour_notes(picture: SignalFormat) -> list[str]:
    """What a reader of the manifest would not expect of the colours."""
    colours = picture.colours
    if picture.is_careful:
        return ["the pictures change midway, and not all of their colour tags could be heeded"]
    if not colours.tagged:
        return []
    if colours.needs_zimg:
        return [f"the pictures have the uncommon colour matrix {colours.tagged}, which was converted"]
    read = "RGB" if colours.matrix is None else colours.matrix
    return [f"the colour matrix {colours.tagged}, which the video names, cannot be converted: read as {read}"]


def before_selection(picture: SignalFormat) -> list[Filter]:
    """Filters with a memory: they must see every frame."""
    if not picture.interlaced:
        return []
    # The deinterlacer counts time in half ticks; the last filter undoes that.
    return [("bwdif", {"mode": "send_frame", "deint": "interlaced"}), ("settb", {"expr": "intb*2"})]


def watch_for_fields(url: str) -> str:
    """A filter that passes frames on, and writes a line to `url` when the first interlaced one comes."""
    escaped = url.replace(":", "\\\\:")
    return (
        "split[watched][passed];[watched]select=gt(interlace_type\\,0)*eq(selected_n\\,0)"
        ",metadata=mode=add:key=interlaced:value=1"
        f",metadata=mode=print:key=interlaced:direct=1:file={escaped},nullsink;[passed]null"
    )


def as_read(picture: SignalFormat) -> list[Filter]:
    """From a decoded frame to one whose matrix tag the scaler knows: that of the matrix to read it by, where
    zimg does not do that later."""
    colours = picture.colours
    if picture.is_careful:
        tags = {"color_primaries": UNKNOWN, "color_trc": UNKNOWN}
        matrix = colours.matrix if colours.matrix in SCALER_MATRICES else UNKNOWN
        return [("setparams", {"colorspace": matrix, **tags})]
    if colours.matrix is None:
        return [_tagged("gbr")] if colours.tagged else []
    if colours.needs_zimg:
        return [_tagged("bt709")]
    # The scaler reads a picture without a tag by BT.601; with high dynamic range, zimg is told the matrix.
    is_implied = not colours.tagged and (colours.matrix == "smpte170m" or picture.transfer != "sdr")
    return [_tagged(colours.matrix)] if colours.is_assumed and not is_implied else []


def for_scenes(picture: SignalFormat) -> list[Filter]:
    """What must come before the small pictures for cut detection. Their matrix is left to FFmpeg, as
    PySceneDetect leaves it, but for one that the scaler does not know."""
    return [_tagged(UNKNOWN)] if picture.colours.tagged or picture.is_careful else []


def after_selection(picture: SignalFormat, policy: SamplingPolicy) -> list[Filter]:
    """From what `as_read` gives to what the image encoder takes: standard dynamic range, square pixels, the
    asked size, the colours that readers of the format assume."""
    return [
        *_converted(picture),
        ("scale", {**_size(policy), **_RANGE_AND_MATRIX[policy.image_format]}),
        ("setsar", {"sar": "1"}),
        ("format", {"pix_fmts": _PIXEL_FORMATS[policy.image_format]}),
    ]


def _converted(picture: SignalFormat) -> list[Filter]:
    if picture.transfer != "sdr":
        return _tone_map(picture)
    colours = picture.colours
    if not colours.needs_zimg or picture.is_careful:
        return []
    same = {"pin": colours.primaries, "p": colours.primaries, "tin": colours.transfer, "t": colours.transfer}
    return [_DEEP_YUV, ("zscale", {"min": colours.matrix, "m": "gbr", **same}), _DEEP_RGB]


def _tone_map(picture: SignalFormat) -> list[Filter]:
    """PQ or HLG to BT.709. 203 cd/m² is the white of graphics in HDR (ITU-R BT.2408)."""
    colours = picture.colours
    curve = {"pq": "smpte2084", "hlg": "arib-std-b67"}[picture.transfer]
    read_by = "bt2020nc" if picture.is_careful and colours.needs_zimg else colours.matrix
    matrix = {} if read_by is None else {"min": read_by, "m": "gbr"}
    primaries = {"pin": colours.primaries, "p": colours.primaries}
    any_size = picture.is_odd or picture.is_careful
    return [
        *([_DEEP_YUV] if any_size and matrix else []),
        ("zscale", {"tin": curve, **primaries, **matrix, "t": "linear", "npl": 203}),
        ("format", {"pix_fmts": "gbrpf32le"}),
        ("zscale", {"p": "bt709"}),
        ("tonemap", {"tonemap": "mobius", "desat": 0}),
        ("zscale", {"t": "bt709", "m": "bt709", "r": "tv"}),
        ("format", {"pix_fmts": "yuv444p" if any_size else "yuv420p"}),
    ]


def _tagged(matrix: str) -> Filter:
    return ("setparams", {"colorspace": matrix})


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
