"""Build the filters between decoder and image encoder: deinterlacing, colour conversion, scaling. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.colours import SCALER_MATRICES, Colours, colours_of, same_matrix
from extractor.media.ffmpeg.image_formats import FORMATS, ImageFormatSpec
from extractor.media.ffmpeg.input_info import UNKNOWN, StreamInfo, Transfer

Filter = tuple[str, Mapping[str, object]]

GREY_SIDE = 256
GREY: tuple[Filter, ...] = (
    ("scale", {"w": GREY_SIDE, "h": GREY_SIDE, "flags": "area", "out_range": "full"}),
    ("format", {"pix_fmts": "gray"}),
)
"""Scale a frame to the grey picture for metrics: `GREY_SIDE` × `GREY_SIDE` bytes, row by row."""

_DEEP_YUV: Filter = ("format", {"pix_fmts": "yuv444p16le"})
"""Without chroma subsampling, since zimg rejects sizes that are not multiples of the subsampling."""
_DEEP_RGB: Filter = ("format", {"pix_fmts": "gbrp16le"})

_MIN_DEINTERLACED_SIZE = (3, 4)


class SignalFormat(Struct, frozen=True):
    """The properties of decoded frames that determine the filters.

    Attributes:
        interlaced: Whether the header, or any decoded frame, is flagged as interlaced. The deinterlacer
            needs the neighbours of a frame, so no frame may be dropped before it.
        transfer: The dynamic range, by transfer characteristic.
        colours: How samples are converted to RGB.
        is_odd: Whether the width or the height is odd.
        changes_midway: Whether the size or the colour tags of frames change within the video. The filters
            must then accept frames of any size and with any tags.
    """

    interlaced: bool = False
    transfer: Transfer = "sdr"
    colours: Colours = Colours()
    is_odd: bool = False
    changes_midway: bool = False


PROGRESSIVE_SDR = SignalFormat()


def signal_format(stream: StreamInfo, width: int, height: int) -> SignalFormat:
    """Derive the signal format from the stream header, for frames of `width` × `height` pixels."""
    min_width, min_height = _MIN_DEINTERLACED_SIZE
    return SignalFormat(
        stream.is_interlaced and width >= min_width and height >= min_height,
        stream.transfer,
        colours_of(stream, width, height),
        is_odd=bool(width % 2 or height % 2),
    )


def have_same_filters(one: SignalFormat, other: SignalFormat) -> bool:
    """Whether both formats get the same filters: progressive frames of standard range and the same matrix."""
    return (
        not (one.interlaced or other.interlaced)
        and not (one.colours.needs_zimg or other.colours.needs_zimg)
        and one.transfer == other.transfer == "sdr"
        and same_matrix(one.colours.matrix) == same_matrix(other.colours.matrix)
    )


def colour_notes(picture: SignalFormat) -> list[str]:
    """Return notes for the manifest about colours that may be inexact."""
    colours = picture.colours
    if picture.changes_midway:
        return ["the size or the colour tags of frames change within the video; some tags were ignored"]
    if not colours.tagged:
        return []
    if colours.needs_zimg:
        return [f"the video uses the uncommon colour matrix {colours.tagged}, which was converted"]
    read = "RGB" if colours.matrix is None else colours.matrix
    return [
        f"the video is tagged with the colour matrix {colours.tagged}, which is not supported: read as {read}"
    ]


def before_selection(picture: SignalFormat) -> list[Filter]:
    """Return the filters that depend on neighbouring frames, and so must get every frame."""
    if not picture.interlaced:
        return []
    # bwdif halves the time base of its output; settb restores it.
    return [("bwdif", {"mode": "send_frame", "deint": "interlaced"}), ("settb", {"expr": "intb*2"})]


def interlace_detector(url: str) -> str:
    """Return a graph that passes all frames, and writes a line to `url` at the first interlaced one."""
    escaped = url.replace(":", "\\\\:")
    return (
        "split[watched][passed];[watched]select=gt(interlace_type\\,0)*eq(selected_n\\,0)"
        ",metadata=mode=add:key=interlaced:value=1"
        f",metadata=mode=print:key=interlaced:direct=1:file={escaped},nullsink;[passed]null"
    )


def assign_colours(picture: SignalFormat) -> list[Filter]:
    """Return the filter that tags frames with a colour matrix that the scaler supports.

    It is the matrix to read them by, except where zimg converts the matrix later.
    """
    colours = picture.colours
    if picture.changes_midway:
        tags = {"color_primaries": UNKNOWN, "color_trc": UNKNOWN}
        matrix = colours.matrix if colours.matrix in SCALER_MATRICES else UNKNOWN
        return [("setparams", {"colorspace": matrix, **tags})]
    if colours.matrix is None:
        return [_set_matrix("gbr")] if colours.tagged else []
    if colours.needs_zimg:
        return [_set_matrix("bt709")]
    is_implied = not colours.tagged and picture.transfer != "sdr"  # zscale gets the matrix as an option
    return [_set_matrix(colours.matrix)] if colours.is_assumed and not is_implied else []


def for_scenes(picture: SignalFormat) -> list[Filter]:
    """Return the filters that precede the downscaling for cut detection.

    FFmpeg chooses the matrix there, as in PySceneDetect. A tag that the scaler does not support is removed.
    """
    return [_set_matrix(UNKNOWN)] if picture.colours.tagged or picture.changes_midway else []


def after_selection(picture: SignalFormat, policy: SamplingPolicy) -> list[Filter]:
    """Return the filters from the output of `assign_colours` to the input of the image encoder.

    They produce standard dynamic range, square pixels, the requested size, and the range and matrix that
    readers of the image format assume.
    """
    image_format = FORMATS[policy.image_format]
    return [
        *_to_sdr_rgb(picture),
        *_convert_yuv(picture, image_format),
        ("scale", {**_size(policy), **image_format.scale_options}),
        ("setsar", {"sar": "1"}),
        ("format", {"pix_fmts": image_format.pixel_format}),
    ]


def _to_sdr_rgb(picture: SignalFormat) -> list[Filter]:
    if picture.transfer != "sdr":
        return _tone_map(picture)
    colours = picture.colours
    if not colours.needs_zimg or picture.changes_midway:
        return []
    same = {"pin": colours.primaries, "p": colours.primaries, "tin": colours.transfer, "t": colours.transfer}
    return [_DEEP_YUV, ("zscale", {"min": colours.matrix, "m": "gbr", **same}), _DEEP_RGB]


def _convert_yuv(picture: SignalFormat, image_format: ImageFormatSpec) -> list[Filter]:
    """Convert between YUV matrices and ranges, exactly and in a third of the time of the scaler.

    The scaler converts what remains: RGB, frames whose tags change, and other sizes. Primaries and transfer
    are the same on both sides, so that they stay.
    """
    is_yuv = picture.transfer == "sdr" and picture.colours.matrix in SCALER_MATRICES
    if not is_yuv or picture.changes_midway or image_format.yuv_range is None:
        return []
    unchanged = {"iprimaries": "bt709", "primaries": "bt709", "itrc": "bt709", "trc": "bt709"}
    target = {"space": "smpte170m", "range": image_format.yuv_range, "format": image_format.pixel_format}
    return [("colorspace", {**unchanged, **target})]


def _tone_map(picture: SignalFormat) -> list[Filter]:
    """Convert PQ or HLG to BT.709. 203 cd/m² is the reference white of HDR (ITU-R BT.2408)."""
    colours = picture.colours
    curve = {"pq": "smpte2084", "hlg": "arib-std-b67"}[picture.transfer]
    input_matrix = "bt2020nc" if picture.changes_midway and colours.needs_zimg else colours.matrix
    matrix = {} if input_matrix is None else {"min": input_matrix, "m": "gbr"}
    primaries = {"pin": colours.primaries, "p": colours.primaries}
    any_size = picture.is_odd or picture.changes_midway
    return [
        *([_DEEP_YUV] if any_size and matrix else []),
        ("zscale", {"tin": curve, **primaries, **matrix, "t": "linear", "npl": 203}),
        ("format", {"pix_fmts": "gbrpf32le"}),
        ("zscale", {"p": "bt709"}),
        ("tonemap", {"tonemap": "mobius", "desat": 0}),
        ("zscale", {"t": "bt709", "m": "bt709", "r": "tv"}),
        ("format", {"pix_fmts": "yuv444p" if any_size else "yuv420p"}),
    ]


def _set_matrix(matrix: str) -> Filter:
    return ("setparams", {"colorspace": matrix})


def _size(policy: SamplingPolicy) -> Mapping[str, str]:
    """Return scale options: enlarge one side to square pixels, then shrink to the limits, to even sizes."""
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
