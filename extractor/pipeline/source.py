"""Getting hold of a job's video: find the object, check that it fits, bring it to the disk."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore, ObjectStream
from extractor.domain import keys
from extractor.domain.jobs import ExtractionJob, SourceVideo
from extractor.errors import (
    DeadlineError,
    SourceChangedError,
    StorageUnavailableError,
    TooLargeError,
    UnknownBucketError,
    UnreadableError,
    VideoMissingError,
)


class VideoLocator(Struct, frozen=True):
    """Where videos are. `store` opens a bucket by name."""

    store: Callable[[str], ObjectStore]
    bucket: str
    key_templates: Sequence[str]
    max_bytes: int


class VideoSource(Protocol):
    """A video whose version is known and whose bytes can be brought to the disk."""

    @property
    def video(self) -> SourceVideo: ...

    def download(self, path: Path, deadline: float) -> None:
        """Put the video at `path`. Raises `DeadlineError` when `time.monotonic()` passes `deadline`."""
        ...


class StreamedVideo(Struct, frozen=True):
    """A `VideoSource` that is read from a stream. `is_unwanted` may end the download early."""

    video: SourceVideo
    stream: ObjectStream
    is_unwanted: Callable[[], bool] = lambda: False

    def download(self, path: Path, deadline: float) -> None:
        with path.open("xb") as file:
            for chunk in self.stream.chunks():
                file.write(chunk)
                if time.monotonic() > deadline or self.is_unwanted():
                    raise DeadlineError("the time of this invocation ended during the download")
        if path.stat().st_size != self.video.size_bytes:
            raise SourceChangedError("the object arrived with another size than it was announced with")


@contextmanager
def open_video(job: ExtractionJob, sources: VideoLocator) -> Iterator[StreamedVideo]:
    """The job's video, at the first of its possible keys that exists.

    Raises `VideoMissingError` naming all of them, `UnknownBucketError` if the message names a bucket that
    does not exist. That the bucket of the settings does not exist says nothing about a video.
    """
    bucket = job.bucket or sources.bucket
    candidates = (
        keys.readings(job.key)
        if job.key
        else list(keys.video_keys(sources.key_templates, job.code, job.platform))
    )
    store = sources.store(bucket)
    with ExitStack() as stack:
        for key in candidates:
            try:
                stream = stack.enter_context(store.open(key))
            except VideoMissingError:
                continue
            except StorageUnavailableError as error:
                if bucket == sources.bucket or not error.bucket_is_missing:
                    raise
                raise UnknownBucketError(f"there is no bucket {bucket!r}, which the message names") from error
            yield StreamedVideo(SourceVideo(bucket, key, stream.etag, stream.size_bytes), stream)
            return
    raise VideoMissingError(f"there is no object {' or '.join(map(repr, candidates))} in the bucket {bucket}")


def check_source_size(video: SourceVideo, max_bytes: int, directory: Path) -> None:
    """Raises `UnreadableError` for an empty object, `TooLargeError` for one over the limit or the disk."""
    if video.size_bytes == 0:
        raise UnreadableError("the object is empty")
    if video.size_bytes > max_bytes:
        raise TooLargeError(f"{video.size_bytes} bytes are more than MAX_VIDEO_MB allows")
    free = shutil.disk_usage(directory).free
    if video.size_bytes > free:
        raise TooLargeError(f"{video.size_bytes} bytes do not fit on the disk, which has {free} left")
