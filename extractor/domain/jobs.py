"""What the worker is asked to do: jobs, the videos they name, and summaries of finished ones."""

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


class VideoRef(Struct, frozen=True):
    """Whose state it is: a code, and the version of the object, once that is known."""

    code: str
    source: SourceVideo | None = None


class ExtractionSummary(Struct, frozen=True):
    """What the state is told of a video that is done. ``video_frame_count`` and ``video_frame_rate`` are
    those of the video, ``scene_count`` is ``None`` unless scenes were looked for."""

    frame_count: int
    frames_prefix: str
    scene_count: int | None
    duration_seconds: float
    video_frame_count: int
    video_frame_rate: float
