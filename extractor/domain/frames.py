"""Values of the decoder: frames, their metrics, scenes, and the limits of a decode."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from extractor.domain.extras import require
from extractor.domain.values import ValueWithLargeFields

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ProgressCallback = Callable[[float, float], None]
"""Called after each frame with the seconds of video that are done and the total duration."""


class Frame(ValueWithLargeFields, frozen=True):
    """One encoded image.

    Attributes:
        index: Its number, from 0.
        slot: The number of its sample time, which is ``slot × interval`` seconds after the first frame. For
            keyframes it is the number of the keyframe.
        pts_seconds: Its time, from the first frame of the video.
        data: The image as a file would hold it: JPEG, WebP or PNG.
        width: In pixels, after rotation.
        height: In pixels, after rotation.
        measures: Sharpness, brightness and a perceptual hash, if they were asked for.
    """

    large_fields: ClassVar = frozenset({"data"})

    index: int
    slot: int
    pts_seconds: float
    data: bytes
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
    """Measurements of one frame.

    Attributes:
        sharpness: Variance of the Laplacian: 0 for a flat picture, tens for blurred, hundreds for sharp ones.
        brightness: Mean luma, 0 to 1.
        perceptual_hash: 64 bits as 16 hexadecimal digits; similar pictures differ in few bits.
        blank: Whether the picture is nearly uniform, in any colour.
    """

    sharpness: float
    brightness: float
    perceptual_hash: str
    blank: bool


class ClockChange(Struct, frozen=True):
    """A place where the clock of a file restarts or jumps. The times of frames continue without a gap.

    Attributes:
        pts_seconds: Time from the first frame.
        seconds_before: The file's own time at the end of the part before.
        seconds_after: The file's own time at the start of the part after.
    """

    pts_seconds: float
    seconds_before: float
    seconds_after: float


class Scene(Struct, frozen=True):
    """A scene: from its first frame to the start of the next scene.

    Attributes:
        index: Its number, from 0.
        start_seconds: Time of its first frame, from the first frame of the video.
        end_seconds: Where the next scene, or the end of the video, is.
        first_frame: Number of its first frame in the video, from 0.
    """

    index: int
    start_seconds: float
    end_seconds: float
    first_frame: int


class StoredFrame(Struct, frozen=True):
    """A frame that the object store has acknowledged, as the manifest lists it.

    Attributes:
        index: See `Frame`.
        slot: See `Frame`.
        key: Key of its object; in an archive, the key that it would have.
        pts_seconds: See `Frame`.
        size_bytes: Size of the image.
        sha256: Of the image, in lower-case hex.
        width: See `Frame`.
        height: See `Frame`.
        measures: See `Frame`.
        etag: The store's name of this version of the object; ``None`` in an archive.
    """

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


class LeftOutFrame(Struct, frozen=True):
    """A frame that is not stored since a kept one is similar.

    Attributes:
        slot: See `Frame`.
        pts_seconds: See `Frame`.
        same_as: The index of the kept frame whose hash differs least from that of this frame.
        distance: In how many bits it differs.
    """

    slot: int
    pts_seconds: float
    same_as: int
    distance: int


class DecodeLimits(Struct, frozen=True):
    """What one video may cost. A video that exceeds a limit is refused as a whole.

    Attributes:
        max_pixels: Pixels of a picture.
        max_packets: Packets of the video stream.
        max_frames: Number of extracted frames.
        max_frames_bytes: Total size of the extracted frames.
        max_decode_error_share: Share of packets (0-1) that may fail to decode.
        memory_bytes: Memory of FFmpeg.
        stall_seconds: How long FFmpeg may make no progress.
        threads: Decoder threads; 0 lets FFmpeg choose.
        allow_truncated: Whether to accept files that end early.
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
