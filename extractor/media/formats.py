"""The containers and codecs that may be read. Everything else FFmpeg could open - playlists, scripts,
network descriptions, image sequences, the decoders of forty years of games - is refused."""

CONTAINERS = (
    "3gp", "aac", "asf", "avi", "flac", "flv", "gif", "h264", "hevc", "ivf", "m4v", "matroska", "mov", "mp3",
    "mpeg", "mpegts", "mpegvideo", "mp4", "obu", "ogg", "wav", "webm",
)  # fmt: skip
"""Demuxers. The audio ones are there so that such a file is told by what it lacks."""

DECODERS = {
    "av1": ("libdav1d", "av1"),
    "dnxhd": ("dnxhd",),
    "dvvideo": ("dvvideo",),
    "ffv1": ("ffv1",),
    "flv1": ("flv",),
    "gif": ("gif",),
    "h263": ("h263",),
    "h264": ("h264",),
    "hevc": ("hevc",),
    "mjpeg": ("mjpeg",),
    "mpeg1video": ("mpeg1video",),
    "mpeg2video": ("mpeg2video",),
    "mpeg4": ("mpeg4",),
    "msmpeg4v2": ("msmpeg4v2",),
    "msmpeg4v3": ("msmpeg4",),
    "prores": ("prores",),
    "svq1": ("svq1",),
    "svq3": ("svq3",),
    "theora": ("theora",),
    "vc1": ("vc1",),
    "vp8": ("vp8", "libvpx"),
    "vp9": ("vp9", "libvpx-vp9"),
    "wmv1": ("wmv1",),
    "wmv2": ("wmv2",),
    "wmv3": ("wmv3",),
}
"""Video codec to the decoders that may decode it."""

AUDIO_PROBES = ("aac", "aac_latm", "ac3", "eac3", "mp2", "mp2float", "mp3", "mp3float", "opus")
"""Decoders from which FFmpeg learns the parameters of sound in MPEG streams, without which it lists no
packets of it. Only allowed where the times of the sound must be known."""

_CODEC_SIGNS = {
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


_PACKET_START = b"\x47"
_HEVC_PARAMETERS = b"\x00\x00\x01\x40\x01"


def likely_codec(excerpt: bytes) -> str:
    """A guess from some bytes of a file, to be confirmed: the name of a codec in them, else H.264."""
    if is_transport_stream(excerpt):  # which names nothing
        return "hevc" if _HEVC_PARAMETERS in excerpt else "h264"
    return next((codec for sign, codec in _CODEC_SIGNS.items() if sign in excerpt), "h264")


def is_transport_stream(head: bytes) -> bool:
    """Whether a file that begins with `head` may be MPEG-TS, with or without times before its packets."""
    return _PACKET_START in (head[:1], head[4:5])


_SCRIPT_STARTS = (b"<", b"#EXTM3U", b"ffconcat", b"v=0", b"#!")


def is_script(head: bytes) -> bool:
    """Whether a file that begins with `head` is a text that tells programs what to do - a playlist, a
    drawing, a page - rather than a damaged video."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_SCRIPT_STARTS)
