"""What a manifest is made of: a record of each thing that it speaks of, as it stands in the JSON."""

from pydantic import BaseModel, ConfigDict

from extractor.domain.frames import StoredFrame


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class SourceRecord(Record):
    """Where the video came from. A local file has no bucket and no ETag."""

    bucket: str | None
    key: str
    etag: str | None
    size_bytes: int


class ClockChangeRecord(Record):
    """See `ClockChange`."""

    pts_seconds: float
    seconds_before: float
    seconds_after: float


class VideoRecord(Record):
    """The video stream; `stream` is its number in the file. Width and height are those of the stream, before
    `rotation_degrees`.

    `hdr` is ``pq``, ``hlg``, ``dolby-vision-<profile>`` or null; the frames are in standard dynamic range.
    `matrix` is the colour matrix by which the pictures are read, null for RGB and grey; it is assumed where
    the stream does not name one that can be right. Of `interlaced` streams, the frames that are flagged so
    are deinterlaced.
    `start_seconds` is the container's own time of the first frame; every `pts_seconds` counts from there.
    """

    container: str
    codec: str
    width: int
    height: int
    rotation_degrees: float
    hdr: str | None
    start_seconds: float
    duration_seconds: float
    frame_count: int
    frame_rate: float
    stream: int | None = None
    discontinuities: tuple[ClockChangeRecord, ...] = ()
    matrix: str | None = None
    matrix_assumed: bool = False
    interlaced: bool = False


class PolicyRecord(Record):
    """See `SamplingPolicy`."""

    strategy: str
    interval_seconds: float
    timestamps_seconds: tuple[float, ...]
    max_frames: int | None
    max_frames_mode: str
    tolerance_seconds: float
    scene_detector: str | None
    scene_threshold: float | None
    scene_frame: str
    measures: bool
    skip_blank: bool
    skip_similar: int | None
    quality: int
    image_format: str
    max_width: int | None
    max_height: int | None


class MeasuresRecord(Record):
    """See `FrameMetrics`."""

    sharpness: float
    brightness: float
    perceptual_hash: str
    blank: bool


class SceneRecord(Record):
    """See `Scene`."""

    index: int
    start_seconds: float
    end_seconds: float
    first_frame: int


class FrameRecord(Record):
    """See `StoredFrame`."""

    index: int
    slot: int
    key: str
    pts_seconds: float
    size_bytes: int
    sha256: str
    width: int
    height: int
    measures: MeasuresRecord | None = None
    etag: str | None = None


class ObjectRecord(Record):
    """See `StoredFile`."""

    key: str
    size_bytes: int
    sha256: str
    etag: str | None = None


class ArchiveRecord(ObjectRecord):
    """The tar that all frames lie in: the bytes of frame number n of the list begin at number n of the
    `offsets`, and are as many as the frame's own `size_bytes`."""

    offsets: tuple[int, ...]


class ExtraRecord(ObjectRecord):
    """Something made of the frames: ``contact_sheet``, ``sprite`` or ``thumbnails``."""

    kind: str


def frame_records(frames: tuple[StoredFrame, ...]) -> tuple[FrameRecord, ...]:
    """The stored frames as the manifest lists them."""
    return tuple(FrameRecord.model_validate(frame) for frame in frames)
