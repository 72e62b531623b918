"""Recipes for a small clip in every container and codec that is read and that FFmpeg can write."""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from tests.support.media import clips


@dataclass(frozen=True, slots=True)
class Recipe:
    """`codec` is FFmpeg's name of it, `muxer` that of the container; `options` are those of the encoder.

    Some codecs take only certain sizes and rates. Some containers have no times: there FFmpeg assumes
    25 frames a second, the rate of those recipes.
    """

    codec: str
    muxer: str
    options: str
    size: str = "96x64"
    rate: Fraction = Fraction(10)
    frames: int = 20
    variant: str = ""

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.codec, self.muxer, self.variant)))

    def make(self, directory: Path) -> Path:
        """The clip, made unless it is there."""
        path = directory / self.name
        if not path.exists():
            made = path.with_suffix(".part")
            if self.codec == "vp6f":
                made.write_bytes(_flv_of_vp6(self.frames, int(1000 / self.rate)))
            else:
                pictures = f"testsrc2=size={self.size}:rate={self.rate}"
                output = f"-frames:v {self.frames} {self.options} -threads 1 -f {self.muxer}"
                clips.ffmpeg(f"-f lavfi -i {pictures} {output} {{0}}", made)
            made.replace(path)
        return path


_X264: Final = "-c:v libx264 -preset veryfast -g 10 -bf 2 -pix_fmt yuv420p"
_X265: Final = (
    "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=10:pools=none:frame-threads=1"
)
_VVC: Final = "-c:v libvvenc -preset faster -g 10 -pix_fmt yuv420p10le"
_VP8: Final = "-c:v libvpx -deadline realtime -cpu-used 8 -g 10"
_VP9: Final = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 10"
_AV1: Final = "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 10 -lag-in-frames 0"
_MPEG2: Final = "-c:v mpeg2video -g 10 -bf 2"
_MPEG4: Final = "-c:v mpeg4 -g 10"
_DV: Final = "-c:v dvvideo -pix_fmt yuv420p"

_at_25 = partial(Recipe, rate=Fraction(25), frames=40)
_ntsc = partial(Recipe, size="720x480", rate=Fraction(30_000, 1_001), frames=5)
_pal = partial(Recipe, size="720x576", rate=Fraction(25), frames=5)

RECIPES: Final = (
    Recipe("apng", "apng", "-c:v apng -plays 0"),
    Recipe("av1", "mp4", _AV1),
    Recipe("av1", "webm", _AV1),
    _at_25("av1", "obu", _AV1),
    Recipe("av1", "ivf", _AV1),
    Recipe("cfhd", "mov", "-c:v cfhd"),
    Recipe("cinepak", "avi", "-c:v cinepak"),
    Recipe("cinepak", "mov", "-c:v cinepak"),
    Recipe("dnxhd", "mov", "-c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p", size="256x128"),
    _at_25("dnxhd", "mxf", "-c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p", size="256x128"),
    _pal("dvvideo", "avi", _DV),
    _pal("dvvideo", "dv", _DV),
    _ntsc("dvvideo", "dv", _DV.replace("yuv420p", "yuv411p"), variant="ntsc"),
    _pal("dvvideo", "mov", _DV),
    _pal("dvvideo", "mxf", _DV),
    Recipe("ffv1", "matroska", "-c:v ffv1 -level 3 -g 5"),
    Recipe("ffvhuff", "avi", "-c:v ffvhuff"),
    Recipe("ffvhuff", "matroska", "-c:v ffvhuff"),
    Recipe("flashsv", "flv", "-c:v flashsv"),
    Recipe("flashsv2", "flv", "-c:v flashsv2"),
    Recipe("flv1", "flv", "-c:v flv -g 10"),
    Recipe("gif", "gif", "-c:v gif"),
    Recipe("h263", "3gp", "-c:v h263 -g 10", size="128x96"),
    Recipe("h264", "avi", _X264.replace("-bf 2", "-bf 0")),
    Recipe("h264", "flv", _X264),
    _at_25("h264", "h264", _X264),
    Recipe("h264", "matroska", _X264),
    Recipe("h264", "mov", _X264),
    Recipe("h264", "mp4", _X264),
    Recipe("h264", "mp4", _X264 + " -movflags frag_keyframe+empty_moov", variant="fragmented"),
    Recipe("h264", "mpegts", _X264),
    _at_25("h264", "mxf", _X264.replace("-bf 2", "-bf 0")),
    Recipe("hevc", "matroska", _X265),
    Recipe("hevc", "mp4", _X265),
    Recipe("hevc", "mpegts", _X265),
    _at_25("hevc", "hevc", _X265),
    Recipe("huffyuv", "avi", "-c:v huffyuv -pix_fmt yuv422p"),
    Recipe("huffyuv", "matroska", "-c:v huffyuv -pix_fmt yuv422p"),
    Recipe("jpeg2000", "mov", "-c:v libopenjpeg"),
    _at_25("jpeg2000", "mxf", "-c:v libopenjpeg -pix_fmt yuv422p10le"),
    Recipe("mjpeg", "avi", "-c:v mjpeg -pix_fmt yuvj420p"),
    Recipe("mjpeg", "mov", "-c:v mjpeg -pix_fmt yuvj420p"),
    _at_25("mpeg1video", "mpeg", "-c:v mpeg1video -g 10 -bf 2"),
    _at_25("mpeg2video", "mpeg", _MPEG2),
    _at_25("mpeg2video", "mpegts", _MPEG2),
    _at_25("mpeg2video", "mpeg2video", _MPEG2),
    _at_25("mpeg2video", "mxf", _MPEG2),
    Recipe("mpeg4", "avi", _MPEG4 + " -vtag XVID -bf 0"),
    Recipe("mpeg4", "mp4", _MPEG4 + " -bf 2"),
    _at_25("mpeg4", "m4v", _MPEG4),
    Recipe("msmpeg4v2", "avi", "-c:v msmpeg4v2 -g 10"),
    Recipe("msmpeg4v3", "avi", "-c:v msmpeg4 -g 10"),
    Recipe("msvideo1", "avi", "-c:v msvideo1"),
    Recipe("png", "mov", "-c:v png"),
    Recipe("prores", "mov", "-c:v prores_ks -profile:v 0 -pix_fmt yuv422p10le"),
    Recipe("qtrle", "mov", "-c:v qtrle"),
    Recipe("rawvideo", "avi", "-c:v rawvideo -pix_fmt yuyv422 -vtag YUY2"),
    Recipe("rawvideo", "avi", "-c:v rawvideo -pix_fmt bgr24", variant="bottom_up"),
    Recipe("rawvideo", "mov", "-c:v rawvideo -pix_fmt uyvy422"),
    Recipe("rpza", "mov", "-c:v rpza -pix_fmt rgb555"),
    Recipe("svq1", "mov", "-c:v svq1 -g 10"),
    Recipe("theora", "ogg", "-c:v libtheora -g 10"),
    Recipe("utvideo", "avi", "-c:v utvideo -pix_fmt yuv420p"),
    Recipe("utvideo", "matroska", "-c:v utvideo -pix_fmt gbrp"),
    Recipe("v210", "mov", "-c:v v210 -pix_fmt yuv422p10le"),
    Recipe("v210", "avi", "-c:v v210 -pix_fmt yuv422p10le"),
    Recipe("vp6f", "flv", ""),
    Recipe("vp8", "webm", _VP8),
    Recipe("vp9", "mp4", _VP9),
    Recipe("vp9", "webm", _VP9),
    Recipe("vvc", "matroska", _VVC),
    Recipe("vvc", "mp4", _VVC),
    Recipe("vvc", "mpegts", _VVC),
    _at_25("vvc", "vvc", _VVC),
    Recipe("wmv1", "asf", "-c:v wmv1 -g 10"),
    Recipe("wmv2", "asf", "-c:v wmv2 -g 10"),
)

WITHOUT_ENCODER: Final = frozenset({"svq3", "vc1", "wmv3"})
"""Codecs that are read and that nothing here can write."""


def _flv_of_vp6(count: int, milliseconds: int) -> bytes:
    """FLV with `count` keyframes of VP6, 96×64, so far apart. There is no encoder, but the entropy coding of
    VP6 gives some picture for any bits, so the bits are random ones."""
    random = Random(6)
    file = [b"FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00"]
    for number in range(count):
        keyframe_of_vp6f, crop, quantizer, version = 0x14, 0, 40, 6
        rows, columns = 64 // 16, 96 // 16
        picture = bytes([quantizer << 1, version << 3, 0, 0, rows, columns, rows, columns])
        body = bytes([keyframe_of_vp6f, crop]) + picture + random.randbytes(400)
        time = number * milliseconds
        tag = b"\x09" + len(body).to_bytes(3, "big") + time.to_bytes(3, "big") + bytes(4) + body
        file.append(tag + len(tag).to_bytes(4, "big"))
    return b"".join(file)
