"""List the allowed containers and codecs, and identify files by their first bytes. Pure.

FFmpeg supports more formats: playlists, scripts, network descriptions, image sequences, codecs of old games.
`docs/reference/formats.md` gives the reason for each decision.
"""

import re
from collections.abc import Collection

CONTAINERS = (
    "3gp", "aac", "apng", "asf", "avi", "dv", "flac", "flv", "gif", "h264", "hevc", "ivf", "m4v",
    "matroska", "mov", "mp3", "mpeg", "mpegts", "mpegvideo", "mp4", "mxf", "obu", "ogg", "vvc", "wav",
    "webm",
)  # fmt: skip
"""Names of FFmpeg's demuxers. Audio formats are included for a better error: the file has no video."""

DECODERS = {
    "apng": ("apng",),
    "av1": ("libdav1d", "av1"),
    "cfhd": ("cfhd",),
    "cinepak": ("cinepak",),
    "dnxhd": ("dnxhd",),
    "dvvideo": ("dvvideo",),
    "ffv1": ("ffv1",),
    "ffvhuff": ("ffvhuff",),
    "flashsv": ("flashsv",),
    "flashsv2": ("flashsv2",),
    "flv1": ("flv",),
    "gif": ("gif",),
    "h263": ("h263",),
    "h264": ("h264",),
    "hevc": ("hevc",),
    "huffyuv": ("huffyuv",),
    "jpeg2000": ("jpeg2000",),
    "mjpeg": ("mjpeg",),
    "mpeg1video": ("mpeg1video",),
    "mpeg2video": ("mpeg2video",),
    "mpeg4": ("mpeg4",),
    "msmpeg4v2": ("msmpeg4v2",),
    "msmpeg4v3": ("msmpeg4",),
    "msvideo1": ("msvideo1",),
    "png": ("png",),
    "prores": ("prores",),
    "qtrle": ("qtrle",),
    "rawvideo": ("rawvideo",),
    "rpza": ("rpza",),
    "svq1": ("svq1",),
    "svq3": ("svq3",),
    "theora": ("theora",),
    "utvideo": ("utvideo",),
    "v210": ("v210",),
    "vc1": ("vc1",),
    "vp6f": ("vp6f",),
    "vp8": ("vp8", "libvpx"),
    "vp9": ("vp9", "libvpx-vp9"),
    "vvc": ("vvc",),
    "wmv1": ("wmv1",),
    "wmv2": ("wmv2",),
    "wmv3": ("wmv3",),
}
"""FFmpeg's name of each allowed video codec, and its allowed decoders."""

AUDIO_PROBES = ("aac", "aac_latm", "ac3", "eac3", "mp2", "mp2float", "mp3", "mp3float", "opus")
"""Audio decoders. FFmpeg needs them to find the audio parameters in MPEG streams, without which it lists no
audio packets. They are allowed only when the timestamps of the audio are needed."""

AUDIO_DECODERS = (
    *AUDIO_PROBES, "alac", "flac", "pcm_alaw", "pcm_bluray", "pcm_dvd", "pcm_f32be", "pcm_f32le",
    "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32be", "pcm_s32le", "pcm_s8",
    "pcm_u8", "vorbis",
)  # fmt: skip
"""Audio decoders that are allowed when the audio track is stored."""

_CODEC_MARKS = {
    b"hvc1": "hevc",
    b"hev1": "hevc",
    b"V_MPEGH/ISO/HEVC": "hevc",
    b"av01": "av1",
    b"V_AV1": "av1",
    b"vp08": "vp8",
    b"V_VP8": "vp8",
    b"vp09": "vp9",
    b"mp4v": "mpeg4",
    b"V_VP9": "vp9",
}


_SAMPLE_DESCRIPTION = b"stsd"
_MAX_DESCRIPTION_BYTES = 4096
_PACKET_START = b"\x47"
_HEVC_PARAMETERS = b"\x00\x00\x01\x40\x01"


_SAMPLE_ENTRY = re.compile(rb"(?:avc[13]|hvc1|hev1|vp09|av01|mp4v)\0{6}..\0{4}.{12}(..)(..)", re.DOTALL)
"""Codec, reserved bytes, data reference, version and revision (0), vendor and qualities, width, height."""

_RIFF = b"RIFF"
_EBML = b"\x1aE\xdf\xa3"
_VIDEO_TRACK = re.compile(rb"\xb0(?:\x81(.)|\x82(..))\xba(?:\x81(.)|\x82(..))", re.DOTALL)
"""PixelWidth and PixelHeight, of one or two bytes each."""
_AVI_FORMAT = re.compile(rb"vids(.{4}).{48}strf.{4}\x28\0{3}(.{4})(.{4})", re.DOTALL)
"""The codec, the rest of the stream header, and the width and height of the stream format."""
_CODECS_WITHOUT_TIMES = frozenset({b"h264", b"x264", b"avc1", b"davc"})


_COLOUR_BOX = re.compile(rb"colrncl[cx].{4}\0(.)", re.DOTALL)
"""Kind, primaries and transfer of two bytes each, matrix."""
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}


def guess_codec(data: bytes) -> str:
    """Guess the video codec from some bytes of a file: a codec name in them, else H.264."""
    if is_transport_stream(data):  # without codec names
        return "hevc" if _HEVC_PARAMETERS in data else "h264"
    if data.startswith(_RIFF) and (stream := _AVI_FORMAT.search(data)):
        return "h264" if stream[1].lower() in _CODECS_WITHOUT_TIMES else "mpeg4"
    described = _sample_descriptions(data)
    return next((codec for mark, codec in _CODEC_MARKS.items() if mark in described), "h264")


def _sample_descriptions(data: bytes) -> bytes:
    """Return the parts of `data` that describe the samples of MP4 or MOV; `data` if there are none."""
    parts = data.split(_SAMPLE_DESCRIPTION)[1:]
    return b"".join(part[:_MAX_DESCRIPTION_BYTES] for part in parts) or data


def guess_size(data: bytes) -> tuple[int, int] | None:
    """Guess width and height of the video from some bytes of a file.

    They are in a sample entry of MP4 or MOV, in a video track of Matroska, or in a stream format of AVI.
    https://developer.apple.com/documentation/quicktime-file-format/video_sample_description
    https://www.rfc-editor.org/rfc/rfc9559#name-video-element
    https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapinfoheader
    """
    if entry := _SAMPLE_ENTRY.search(_sample_descriptions(data)):
        return int.from_bytes(entry[1]), int.from_bytes(entry[2])
    if data.startswith(_EBML) and (track := _VIDEO_TRACK.search(data)):
        return int.from_bytes(track[1] or track[2]), int.from_bytes(track[3] or track[4])
    if data.startswith(_RIFF) and (stream := _AVI_FORMAT.search(data)):
        return int.from_bytes(stream[2], "little"), int.from_bytes(stream[3], "little")
    return None


def may_lack_times(data: bytes) -> bool:
    """Whether a file that begins with `data` is probably H.264 in AVI, which stores no presentation times."""
    stream = _AVI_FORMAT.search(data) if data.startswith(_RIFF) else None
    return stream is not None and stream[1].lower() in _CODECS_WITHOUT_TIMES


def guess_matrix(data: bytes) -> str | None:
    """Guess the colour matrix from some bytes of a file: that of a colour box of MP4 or MOV.

    The codes are those of ITU-T H.273. https://developer.apple.com/documentation/quicktime-file-format
    """
    box = _COLOUR_BOX.search(_sample_descriptions(data))
    return _MATRICES.get(box[1][0]) if box else None


def is_transport_stream(head: bytes) -> bool:
    """Whether a file that begins with `head` may be MPEG-TS or M2TS."""
    return _PACKET_START in (head[:1], head[4:5])


_SCRIPT_STARTS = (b"<", b"#EXTM3U", b"ffconcat", b"v=0", b"#!")


def is_script(head: bytes) -> bool:
    """Whether a file that begins with `head` is a playlist, a script, an SVG image or a web page."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_SCRIPT_STARTS)


_PICTURE_STARTS = (
    b"\xff\xd8\xff",  # JPEG
    b"II*\0", b"MM\0*", b"II+\0", b"MM\0+",  # TIFF, BigTIFF, raw formats of cameras
    b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51",  # JPEG 2000
    b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a",  # JPEG XL
)  # fmt: skip
_PNG_START = b"\x89PNG\r\n\x1a\n"
_BMP_HEADER_SIZES = frozenset({12, 40, 52, 56, 64, 108, 124})
_WEBP_ANIMATION = 0x02
_PICTURE_BRANDS = frozenset(
    {b"avci", b"avif", b"heic", b"heim", b"heis", b"heix", b"jpeg", b"miaf", b"mif1", b"mif2"}
)
_SEQUENCE_BRANDS = frozenset({b"avcs", b"avis", b"hevc", b"hevm", b"hevs", b"hevx", b"msf1"})
"""Brands of HEIF image sequences, which contain a track and a still image."""


def is_still_picture(head: bytes, packets: int) -> bool:
    """Whether a file is a still image. A GIF counts as a video, even with one frame.

    Args:
        head: The first bytes of the file.
        packets: The number of packets in the video stream; 0 if FFmpeg could not open the file.
    """
    if packets > 1:
        return False
    if head.startswith(_PNG_START):
        return _png_pictures(head) <= 1
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return not (head[12:16] == b"VP8X" and int.from_bytes(head[20:21], "big") & _WEBP_ANIMATION)
    if head.startswith(b"BM"):
        return int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES
    if head.startswith(b"\xff\xd8\xff") and head.count(b"\xff\xd9\xff\xd8\xff") > 1:  # a stream of JPEG
        return False
    return head.startswith(_PICTURE_STARTS) or _is_still_heif(head, packets)


def _png_pictures(head: bytes) -> int:
    """Return the number of frames in the animation control chunk of an APNG; 1 without such a chunk."""
    _, found, count = head.partition(b"IDAT")[0].partition(b"acTL")
    return int.from_bytes(count[:4], "big") if found else 1


def _is_still_heif(head: bytes, packets: int) -> bool:
    if head[4:8] != b"ftyp":
        return False
    box = head[8 : int.from_bytes(head[:4], "big")]
    major = box[:4]
    brands = {box[start : start + 4] for start in range(0, min(len(box), 256), 4)}
    if not brands & _SEQUENCE_BRANDS:
        return major in _PICTURE_BRANDS
    # The images of a sequence are packets of one stream; without packets, it is a damaged sequence.
    return packets == 1 and major in _PICTURE_BRANDS | _SEQUENCE_BRANDS


_STREAM_KINDS = {
    "Audio": "sound",
    "Cover": "cover art",
    "Subtitle": "subtitles",
    "Attachment": "attachments",
    "Data": "data",
}


def describe_missing_video(kinds: Collection[str]) -> str:
    """Return the error text for a file with streams of these kinds and no video stream."""
    names = [name for kind, name in _STREAM_KINDS.items() if kind in kinds]
    if not names:
        return "there is no video in the file, nor anything else that is known"
    *first, last = names
    return f"there is no video in the file, only {', '.join(first)}{' and ' * bool(first)}{last}"
