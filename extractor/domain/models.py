"""The values that travel through the project. All frozen, none with behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from msgspec import Struct

from extractor.domain.policy import SamplingPolicy


class ExtractionJob(Struct, frozen=True):
    """One video to be done.

    ``bucket`` and ``key`` are set when the message named the object itself; otherwise the key
    follows from ``code`` and ``platform``. ``receive_count`` is the delivery's number, from 1.
    """

    code: str
    policy: SamplingPolicy
    platform: str | None = None
    bucket: str | None = None
    key: str | None = None
    receive_count: int = 1


class SourceVideo(Struct, frozen=True):
    """The object that the frames come from; ``etag`` pins its version. Local files have no bucket."""

    bucket: str | None
    key: str
    etag: str | None
    size_bytes: int


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


class VideoRef(Struct, frozen=True):
    """Whose state it is: a code, and the version of the object, once that is known."""

    code: str
    source: SourceVideo | None = None


class StateRow(Struct, frozen=True):
    """What the state knows of a video."""

    code: str
    is_fetched: bool
    is_extracted: bool


class ExtractionSummary(Struct, frozen=True):
    """What the state is told of a video that is done. ``video_frame_count`` and ``video_frame_rate`` are
    those of the video, ``scene_count`` is ``None`` unless scenes were looked for."""

    frame_count: int
    frames_prefix: str
    scene_count: int | None
    duration_seconds: float
    video_frame_count: int
    video_frame_rate: float


class BacklogFilter(Struct, frozen=True):
    """Which rows of the backlog: those without a recorded failure, or only those with one (`failed`).

    `enqueued_before` leaves out what was enqueued at that moment or later, `fetched_since` what was
    fetched before that moment. Both need the column that they speak of.
    """

    failed: bool = False
    enqueued_before: datetime | None = None
    fetched_since: datetime | None = None


class InventoryRow(Struct, frozen=True):
    """A row in full. What the table has no column for is ``None``."""

    code: str
    is_fetched: bool
    is_extracted: bool
    extract_error: str | None = None
    frame_count: int | None = None
    extracted_at: datetime | None = None
    enqueued_at: datetime | None = None


class OutgoingMessage(Struct, frozen=True):
    """A message for a queue: a JSON body and string attributes."""

    body: str
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict)


class SendFailure(Struct, frozen=True):
    """One entry that the queue refused. ``position`` is its place in the sequence sent."""

    position: int
    code: str
    sender_fault: bool


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
