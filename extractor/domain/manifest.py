"""The manifest: the record that a video's frames are complete. It is written after the last frame
and before the state changes, so whoever finds one finds every frame that it lists."""

from collections.abc import Mapping
from typing import Self

from pydantic import ValidationError, model_validator

from extractor.domain.jobs import ExtractionSummary, SourceVideo
from extractor.domain.manifest_records import (
    ArchiveRecord,
    ExtraRecord,
    FrameRecord,
    ObjectRecord,
    PolicyRecord,
    Record,
    SceneRecord,
    SourceRecord,
    VideoRecord,
)
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy, fingerprint

SCHEMA_VERSION = 1


class Manifest(Record):
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

    def matches(self, source: SourceVideo, policy: SamplingPolicy) -> bool:
        """Whether this is the record of exactly that version of the source under exactly that policy."""
        return (
            self.source == SourceRecord.model_validate(source)
            and self.source.etag is not None
            and self.policy_fingerprint == fingerprint(policy)
        )

    def has_output(self, output: OutputOptions) -> bool:
        """Whether the frames have this form, and what is to come with them is there. More does no harm."""
        form = "tar" if self.archive else "frames"
        return form == output.form and (bool(self.extras) or not output.storyboard)

    def missing_or_resized(self, stored: Mapping[str, int]) -> frozenset[str]:
        """The keys of objects that `stored` (key to size in bytes) lacks or holds at another size."""
        return frozenset(item.key for item in self.objects if stored.get(item.key) != item.size_bytes)

    def summary(self, frames_prefix: str) -> ExtractionSummary:
        """What the state is told of it."""
        return ExtractionSummary(
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
