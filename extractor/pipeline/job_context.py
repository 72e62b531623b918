"""What a job of the worker is given."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from extractor.backends.notifications import Notifier
from extractor.backends.state.base import StateStore
from extractor.backends.storage.base import ObjectStore
from extractor.domain import keys
from extractor.domain.jobs import ExtractionJob, SourceVideo
from extractor.domain.layout import FrameKeys, Layout
from extractor.domain.slices import whole_message
from extractor.domain.timing import Stopwatch
from extractor.errors import ExtractorError, InvalidMessageError
from extractor.pipeline.extract import ExtractorConfig
from extractor.pipeline.prefetch import Prefetcher
from extractor.pipeline.slice_queue import SliceQueue


class WorkerContext(Struct, frozen=True):
    """What all jobs of a worker share.

    Attributes:
        state: The state of the videos.
        videos: Opens, prefetches and downloads source videos.
        frames: The bucket of the frames.
        layout: Keys of the frames.
        config: How videos are decoded and stored.
        notifier: Sends notifications; ``None`` if nobody wants them.
        frames_bucket: Name of the bucket of the frames, for notifications.
        slices: Where slices of long videos are sent; ``None`` to make every video in one piece.
    """

    state: StateStore
    videos: Prefetcher
    frames: ObjectStore
    layout: Layout
    config: ExtractorConfig
    notifier: Notifier | None = None
    frames_bucket: str = ""
    slices: SliceQueue | None = None

    @property
    def keyed_by_version(self) -> bool:
        """Whether the source must be opened before its state, since its version is part of its identity."""
        return self.state.keyed_by_version or self.layout.needs_video_id

    def frame_keys(self, job: ExtractionJob, video: SourceVideo | None) -> FrameKeys:
        """Return the keys of the job's frames.

        Raises:
            InvalidMessageError: The layout has no separate folder for this video.
        """
        try:
            return self.layout.frame_keys(
                code=job.code,
                platform=job.platform,
                video_id=keys.content_id(video) if video else None,
                interval_seconds=job.policy.interval_seconds,
                extension=job.policy.image_format,
            )
        except ValueError as error:
            raise InvalidMessageError(str(error)) from error


class JobContext(Struct, frozen=True):
    """One job and its circumstances.

    Attributes:
        job: What to extract.
        deadline: When the job must end, as of `time.monotonic()`.
        watch: Measures the stages.
        is_final: Tells whether an error is final for this delivery of the message.
        is_first_delivery: Whether the job has never been tried, so that none of its frames can exist.
        on_downloaded: Called when the network is free for the next video.
        message: The message that requests the job; ``None`` if no queue has delivered it.
    """

    job: ExtractionJob
    deadline: float
    watch: Stopwatch
    is_final: Callable[[ExtractorError], bool]
    is_first_delivery: bool = False
    on_downloaded: Callable[[], None] = lambda: None
    message: Mapping[str, Any] | None = None

    def of_whole_video(self, *, may_split: bool) -> "JobContext":
        """Return the context of the job whose slice this is."""
        message = whole_message(self.message) if self.message and may_split else None
        return replace(self, job=replace(self.job, part=None), message=message, is_first_delivery=False)
