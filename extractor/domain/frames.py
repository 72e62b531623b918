"""Frames, scenes and the limits of a decode: the values that the decoder produces and stores."""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

ProgressCallback = Callable[[float, float], None]
"""Called after each frame with the seconds of video that are done and the seconds in all."""
"""Called after each frame with the seconds of video that are done and the seconds in all."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded image.

    ``index`` counts the images from 0. ``slot`` is the number of the instant that it answers
    (``slot × interval`` seconds after the first frame; equal to ``index`` for keyframes).
    ``pts_seconds`` is its true time after the video's first frame. Width and height are those of
    the image, after rotation.
    """

    index: int
    slot: int
    pts_seconds: float
    data: bytes = field(repr=False)
    width: int
    height: int
    measures: "FrameMetrics | None" = None


class FrameMetrics(Struct, frozen=True):
    """``sharpness``: variance of the Laplacian, 0 for a flat picture, tens for blurred and hundreds for
    crisp ones. ``brightness``: mean luma from 0 to 1. ``perceptual_hash``: 16 hexadecimal digits; alike
    pictures differ in few bits. ``blank``: nearly uniform, whatever the colour."""

    sharpness: float
    brightness: float
    perceptual_hash: str
    blank: bool


class ClockChange(Struct, frozen=True):
    """Where the clock of a file restarts or jumps; frames go on where those before end.

    ``pts_seconds`` is the time after the first frame. ``seconds_before`` and ``seconds_after`` are what the
    file's own clock says at the end of the part before and at the start of the part that follows.
    """

    pts_seconds: float
    seconds_before: float
    seconds_after: float


class Scene(Struct, frozen=True):
    """From its first frame (`first_frame`, counted from 0) to where the next scene begins."""

    index: int
    start_seconds: float
    end_seconds: float
    first_frame: int


class StoredFrame(Struct, frozen=True):
    """A frame that the object store has acknowledged; ``sha256`` in lower-case hex. ``etag`` is the store's
    own name of this version of the object, if it is one."""

    index: int
    slot: int
    key: str
    pts_seconds: float
    size_bytes: int
    sha256: str
    width: int
    height: int
    measures: FrameMetrics | None = None
    etag: str | None = None


class DecodeLimits(Struct, frozen=True):
    """What one video may cost. Beyond any of these it is refused, never half done.

    ``max_decode_error_share`` is the share of packets (0-1) that may fail to decode.
    ``stall_seconds`` is how long FFmpeg may go without a sign of life. ``max_packets`` counts the packets of
    the video stream.
    """

    max_pixels: int = 36_000_000
    max_packets: int = 5_000_000
    max_frames: int = 100_000
    max_frames_bytes: int = 20_000_000_000
    max_decode_error_share: float = 0.2
    memory_bytes: int = 3_000_000_000
    stall_seconds: float = 60.0
    threads: int = 0
    allow_truncated: bool = False
