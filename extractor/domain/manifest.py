"""The manifest: the commit record of a video's frames, and the values that it lists.

It is written after the last frame and before the state changes, so every frame that a manifest lists is
stored. Manifests of every earlier version must stay readable: a new field needs a default.
"""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from extractor.domain.frames import ClockChange, LeftOutFrame, Scene, StoredFrame
from extractor.domain.jobs import ExtractionSummary, SourceVideo
from extractor.domain.output_options import AudioForm, OutputForm, OutputOptions
from extractor.domain.policy import SamplingPolicy, fingerprint, identifying_options

SCHEMA_VERSION = 1


class StoredFile(Struct, frozen=True):
    """An object other than a frame that the object store has acknowledged.

    Attributes:
        key: Its key in the bucket.
        size_bytes: Its size.
        sha256: Of its content, in lower-case hex.
        etag: The store's name of this version of the object; ``None`` if it has none.
    """

    key: str
    size_bytes: int
    sha256: str
    etag: str | None = None


class Archive(StoredFile, kw_only=True, frozen=True):
    """A file that holds all frames of a video.

    Attributes:
        offsets: For each frame of the manifest, the position of its first byte in the file.
    """

    offsets: tuple[int, ...]


class AudioTrack(Struct, frozen=True):
    """What an audio file holds.

    Attributes:
        codec: FFmpeg's name of the codec.
        sample_rate: In Hz.
        channels: Their number; ``None`` if FFmpeg does not tell it.
        duration_seconds: From its first to its last sample.
        start_seconds: The time of its first sample, from the first frame of the video; negative if the audio
            starts earlier.
    """

    codec: str
    sample_rate: int
    channels: int | None
    duration_seconds: float
    start_seconds: float


class Extra(StoredFile, kw_only=True, frozen=True):
    """A file beside the frames.

    Attributes:
        kind: ``contact_sheet``, ``sprite``, ``thumbnails`` (the WebVTT track), or ``audio``.
        audio: What an audio file holds.
    """

    kind: str
    audio: AudioTrack | UnsetType = UNSET


class VideoInfo(Struct, frozen=True):
    """The video stream that the frames come from.

    Attributes:
        container: FFmpeg's name of the demuxer.
        codec: FFmpeg's name of the codec.
        width: In pixels, before rotation.
        height: In pixels, before rotation.
        rotation_degrees: Rotation of the display matrix.
        hdr: ``pq``, ``hlg``, ``dolby-vision-<profile>`` or ``None``. Frames are in standard dynamic range.
        start_seconds: The container's time of the first frame; every ``pts_seconds`` counts from there.
        duration_seconds: From the first frame to the end of the last one.
        frame_count: Number of frames of the video.
        frame_rate: Average frames per second.
        stream: Number of the stream in the file.
        discontinuities: Where the clock of the file restarts or jumps.
        matrix: Colour matrix by which the pictures are read; ``None`` for RGB and grey.
        matrix_assumed: Whether the stream does not name a matrix that can be right.
        interlaced: Whether the stream is interlaced. Frames that are flagged so are deinterlaced.
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
    discontinuities: tuple[ClockChange, ...] = ()
    matrix: str | None = None
    matrix_assumed: bool = False
    interlaced: bool = False


class Manifest(Struct, kw_only=True, frozen=True):
    """The record that the frames of one video are complete.

    Attributes:
        schema_version: Version of this format.
        code: Code of the video.
        platform: Its platform, if it has one.
        source: The object that the frames come from.
        video: The video stream.
        policy: Which frames were asked for.
        policy_fingerprint: See `extractor.domain.policy.fingerprint`.
        frames: All frames, by their index. With an `archive` they are no objects of their own; each has the
            key that it would have.
        left_out: With the options ``distinct`` and ``distinct_distance``: the frames that are not stored, by
            their times.
        archive: The file that holds all frames, if there is one.
        extras: Contact sheet, sprites, thumbnail track and audio, if they were asked for.
        audio: In which form the audio track was asked for; ``None`` if it was not. If the video has no audio
            that can be stored, a note says why.
        scenes: The scenes; ``None`` unless scenes were looked for.
        scene_count: Their number; ``None`` likewise.
        decoded_seconds: How much was decoded.
        expected_seconds: The duration that the file's header promises.
        truncated: Whether the file ends early and was accepted all the same.
        decode_errors: Number of damaged frames.
        notes: What a reader would not expect.
        ffmpeg_version: Version of FFmpeg.
        extractor_version: Version of this project.
        timings: Seconds by stage.
    """

    schema_version: int = SCHEMA_VERSION
    code: str
    platform: str | None
    source: SourceVideo
    video: VideoInfo
    policy: SamplingPolicy
    policy_fingerprint: str
    frames: tuple[StoredFrame, ...]
    left_out: tuple[LeftOutFrame, ...] = ()
    archive: Archive | None = None
    extras: tuple[Extra, ...] = ()
    audio: AudioForm | None = None
    scenes: tuple[Scene, ...] | None = None
    scene_count: int | None = None
    decoded_seconds: float
    expected_seconds: float
    truncated: bool
    decode_errors: int
    notes: tuple[str, ...]
    ffmpeg_version: str
    extractor_version: str
    timings: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.archive is not None and len(self.archive.offsets) != len(self.frames):
            raise ValueError("the archive must have one offset for each frame")

    @property
    def output_form(self) -> OutputForm:
        """The form in which the frames are stored; possibly one of a newer version."""
        return self.archive.key.rpartition(".")[2] if self.archive else "frames"

    @property
    def objects(self) -> tuple[StoredFrame | StoredFile, ...]:
        """All objects that must exist besides the manifest itself."""
        return (*((self.archive,) if self.archive else self.frames), *self.extras)

    @property
    def has_storyboard(self) -> bool:
        """Whether there is a storyboard."""
        return any(extra.kind == "contact_sheet" for extra in self.extras)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all objects."""
        return frozenset(item.key for item in self.objects)

    @property
    def size_bytes(self) -> int:
        """Total size of the frames."""
        return sum(frame.size_bytes for frame in self.frames)

    def matches(self, source: SourceVideo, policy: SamplingPolicy) -> bool:
        """Return whether this is the manifest of that version of the source under that policy."""
        return (
            self.source == source
            and self.source.etag is not None
            and self.policy_fingerprint == fingerprint(policy)
        )

    def has_output(self, output: OutputOptions) -> bool:
        """Return whether the output has this form, with at least the side files that are asked for."""
        return (
            self.output_form == output.form
            and (self.has_storyboard or not output.storyboard)
            and output.audio in (None, self.audio)
        )

    def missing_or_resized(self, stored: Mapping[str, int]) -> frozenset[str]:
        """Return the keys of objects that are missing or have another size.

        Args:
            stored: Size in bytes of each stored object, by key.
        """
        return frozenset(item.key for item in self.objects if stored.get(item.key) != item.size_bytes)

    def summary(self, frames_prefix: str) -> ExtractionSummary:
        """Return the values that the state records."""
        return ExtractionSummary(
            frame_count=len(self.frames),
            frames_prefix=frames_prefix,
            scene_count=self.scene_count,
            duration_seconds=self.video.duration_seconds,
            video_frame_count=self.video.frame_count,
            video_frame_rate=self.video.frame_rate,
        )

    def to_json(self) -> bytes:
        """Return the JSON document, without an empty `left_out` and an `audio` that was not asked for.

        Its policy has the options that `identifying_options` lists.
        """
        document = {**asdict(self), "policy": identifying_options(self.policy)}
        if not self.left_out:
            del document["left_out"]
        if self.audio is None:
            del document["audio"]
        return msgspec.json.format(msgspec.json.encode(document), indent=1)


_decoder = msgspec.json.Decoder(Manifest)


def parse_manifest(data: bytes) -> Manifest | None:
    """Return the manifest in `data`, or ``None`` if it is no valid manifest of this schema version.

    An unreadable manifest proves nothing: the video is extracted again.
    """
    try:
        manifest = _decoder.decode(data)
    except (ValueError, RecursionError):  # all errors of msgspec, and UnicodeDecodeError, are ValueErrors
        return None
    return manifest if manifest.schema_version == SCHEMA_VERSION else None
