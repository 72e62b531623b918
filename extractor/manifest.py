"""The manifest: the record that a video's frames are complete. It is written after the last frame
and before the state changes, so whoever finds one finds every frame that it lists."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from extractor.models import Extraction, SamplingPolicy, SourceVideo, StoredFrame
from extractor.packing.output import Output
from extractor.ports import StoredObject

SCHEMA_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class SourceRecord(_Record):
    """Where the video came from. A local file has no bucket and no ETag."""

    bucket: str | None
    key: str
    etag: str | None
    size_bytes: int


class VideoRecord(_Record):
    """The video stream. Width and height are those of the stream, before `rotation_degrees`.

    `hdr` is ``pq``, ``hlg``, ``dolby-vision-<profile>`` or null; the frames are in standard dynamic range.
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


class PolicyRecord(_Record):
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


class MeasuresRecord(_Record):
    """See `Measures`."""

    sharpness: float
    brightness: float
    perceptual_hash: str
    blank: bool


class SceneRecord(_Record):
    """See `Scene`."""

    index: int
    start_seconds: float
    end_seconds: float
    first_frame: int


class FrameRecord(_Record):
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


class ObjectRecord(_Record):
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


class Manifest(_Record):
    """With an `archive`, the frames are no objects of their own; each keeps the key that it would have.

    `scenes` and `scene_count` are null unless scenes were looked for. `expected_seconds` is what the
    file's header promises, `decoded_seconds` what was decoded; `truncated` marks a file that ends early and
    was accepted all the same. `notes` say what a reader would not expect. `timings` are seconds."""

    schema_version: int = SCHEMA_VERSION
    code: str
    platform: str | None
    source: SourceRecord
    video: VideoRecord
    policy: PolicyRecord
    policy_fingerprint: str
    frames: tuple[FrameRecord, ...]
    archive: ArchiveRecord | None = None
    extras: tuple[ExtraRecord, ...] = ()
    scenes: tuple[SceneRecord, ...] | None = None
    scene_count: int | None = None
    decoded_seconds: float
    expected_seconds: float
    truncated: bool
    decode_errors: int
    notes: tuple[str, ...]
    ffmpeg_version: str
    extractor_version: str
    timings: Mapping[str, float]

    @model_validator(mode="after")
    def _all_frames_are_placed(self) -> Self:
        if self.archive is not None and len(self.archive.offsets) != len(self.frames):
            raise ValueError("each frame has one place in the archive")
        return self

    @property
    def objects(self) -> tuple[FrameRecord | ObjectRecord, ...]:
        """All that must be there besides the manifest itself."""
        return (*((self.archive,) if self.archive else self.frames), *self.extras)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all objects."""
        return frozenset(item.key for item in self.objects)

    @property
    def size_bytes(self) -> int:
        """All frames together."""
        return sum(frame.size_bytes for frame in self.frames)

    def answers(self, source: SourceVideo, policy: SamplingPolicy) -> bool:
        """Whether this is the record of exactly that version of the source under exactly that policy."""
        return (
            self.source == SourceRecord.model_validate(source)
            and self.source.etag is not None
            and self.policy_fingerprint == fingerprint(policy)
        )

    def offers(self, output: Output) -> bool:
        """Whether the frames have this form, and what is to come with them is there. More does no harm."""
        form = "tar" if self.archive else "frames"
        return form == output.form and (bool(self.extras) or not output.storyboard)

    def missing_from(self, stored: Mapping[str, int]) -> frozenset[str]:
        """The keys of objects that `stored` (key to size in bytes) lacks or holds at another size."""
        return frozenset(item.key for item in self.objects if stored.get(item.key) != item.size_bytes)

    def extraction(self, frames_prefix: str) -> Extraction:
        """What the state is told of it."""
        return Extraction(
            frame_count=len(self.frames),
            frames_prefix=frames_prefix,
            scene_count=self.scene_count,
            duration_seconds=self.video.duration_seconds,
            video_frame_count=self.video.frame_count,
            video_frame_rate=self.video.frame_rate,
        )

    def to_json(self) -> bytes:
        return self.model_dump_json(indent=1).encode()


def parse_manifest(data: bytes) -> Manifest | None:
    """The manifest in `data`, or `None` if it is no manifest of this schema version.

    A manifest that cannot be read proves nothing; the video is then done again.
    """
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError:
        return None
    return manifest if manifest.schema_version == SCHEMA_VERSION else None


def fingerprint(policy: SamplingPolicy) -> str:
    """SHA-256 (hex) of everything in the policy that changes the frames."""
    return hashlib.sha256(repr(sorted(asdict(policy).items())).encode()).hexdigest()


def frame_records(frames: tuple[StoredFrame, ...]) -> tuple[FrameRecord, ...]:
    """The stored frames as the manifest lists them."""
    return tuple(FrameRecord.model_validate(frame) for frame in frames)


def is_version(record: FrameRecord | ObjectRecord, there: StoredObject) -> bool:
    """Whether `there` is the object as it was stored. A record without an ETag goes by the size alone."""
    return there.size_bytes == record.size_bytes and record.etag in (None, there.etag)
