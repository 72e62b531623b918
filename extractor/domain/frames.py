"""Frames, scenes and the limits of a decode: the values that the decoder produces and stores."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from extractor.domain.extras import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ProgressCallback = Callable[[float, float], None]
"""Called after each frame with the seconds of video that are done and the seconds in all."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded image.

    Attributes:
        index: Its number, from 0.
        slot: The number of the instant that it answers; that instant is ``slot × interval`` seconds after the
            first frame. For keyframes it is the number of the keyframe.
        pts_seconds: Its time, from the first frame of the video.
        data: The image as a file would hold it: JPEG, WebP or PNG.
        width: In pixels, after rotation.
        height: In pixels, after rotation.
        measures: Sharpness, brightness and a perceptual hash, if they were asked for.
    """

    index: int
    slot: int
    pts_seconds: float
    data: bytes = field(repr=False)
    width: int
    height: int
    measures: "FrameMetrics | None" = None

    def to_array(self) -> "NDArray[np.uint8]":
        """Decode the image.

        Take PNG as the format of the frames for pixels without losses.

        Returns:
            Height × width × 3, in the order red, green, blue, 0-255.

        Raises:
            ModuleNotFoundError: The extra ``scenes`` of the package is not installed.
        """
        require("scenes", "an array")
        import cv2
        import numpy as np

        pixels = cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_COLOR)
        assert pixels is not None, "the encoder's own image"
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, pixels).astype(np.uint8, copy=False)


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
