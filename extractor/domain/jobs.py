"""Jobs of the worker, the videos that they name, and summaries of finished ones."""

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy


class FrameSlice(Struct, frozen=True):
    """Some of the frames of a video.

    Attributes:
        first: The number of the first frame.
        stop: The number after that of the last frame.
        total: The number of frames of the video.
        etag: The version of the video.
        policy: The fingerprint of the policy.
        place: The bucket and the template of the keys of the frames.
        manifest: The ETag of the manifest at the time of the split; ``None`` if there was none.
    """

    first: int
    stop: int
    total: int
    etag: str
    policy: str
    place: str
    manifest: str | None = None

    @property
    def frames(self) -> range:
        """The numbers of the frames."""
        return range(self.first, self.stop)


class ExtractionJob(Struct, frozen=True):
    """One video to extract.

    Attributes:
        code: Code of the video.
        policy: Which frames are wanted.
        platform: Its platform, if known.
        bucket: Bucket of the video, if the message names the object; else that of the settings.
        key: Key of the video, if the message names the object; else it follows from code and platform.
        receive_count: Number of the delivery, from 1.
        part: The frames to extract, if not all.
    """

    code: str
    policy: SamplingPolicy
    platform: str | None = None
    bucket: str | None = None
    key: str | None = None
    receive_count: int = 1
    part: FrameSlice | None = None


class SourceVideo(Struct, frozen=True):
    """The object that the frames come from.

    Attributes:
        bucket: Its bucket; ``None`` for a local file.
        key: Its key, or the name of a local file.
        etag: Its version; ``None`` for a local file.
        size_bytes: Its size.
    """

    bucket: str | None
    key: str
    etag: str | None
    size_bytes: int


class VideoRef(Struct, frozen=True):
    """Identifies a video in the state.

    Attributes:
        code: Code of the video.
        source: Version of its object, where the state is keyed by version.
    """

    code: str
    source: SourceVideo | None = None


class ExtractionSummary(Struct, frozen=True):
    """What the state records of a finished video.

    Attributes:
        frame_count: Number of extracted frames.
        frames_prefix: Key prefix of the frames.
        scene_count: Number of scenes; ``None`` unless scenes were looked for.
        duration_seconds: Duration of the video.
        video_frame_count: Number of frames of the video.
        video_frame_rate: Average frames per second of the video.
    """

    frame_count: int
    frames_prefix: str
    scene_count: int | None
    duration_seconds: float
    video_frame_count: int
    video_frame_rate: float
