"""Locate, validate and download the source video."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

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
    """Where source videos are.

    Attributes:
        store: Opens a bucket by name.
        bucket: The default bucket.
        key_templates: Templates of video keys, in order of preference.
        max_bytes: Largest allowed video.
    """

    store: Callable[[str], ObjectStore]
    bucket: str
    key_templates: Sequence[str]
    max_bytes: int


class StreamedVideo(Struct, frozen=True):
    """A source video whose version is known, and that is read from a stream.

    Attributes:
        video: The object and its version.
        stream: The open object.
        is_cancelled: Whether to stop the download.
    """

    video: SourceVideo
    stream: ObjectStream
    is_cancelled: Callable[[], bool] = lambda: False

    def download(self, path: Path, deadline: float) -> None:
        """Download the video.

        Args:
            path: File to create.
            deadline: When the download must end, as of `time.monotonic()`.

        Raises:
            DeadlineError: The deadline has passed, or the download was cancelled.
            SourceChangedError: The object has another size than announced.
        """
        with path.open("xb") as file:
            for chunk in self.in_time(self.stream.chunks(), deadline):
                file.write(chunk)
        if path.stat().st_size != self.video.size_bytes:
            raise SourceChangedError("the object has another size than was announced")

    def in_time(self, chunks: Iterable[bytes], deadline: float) -> Iterator[bytes]:
        """Yield the chunks of a download.

        Raises:
            DeadlineError: The deadline has passed, or the download was cancelled.
        """
        for chunk in chunks:
            yield chunk
            if time.monotonic() > deadline or self.is_cancelled():
                raise DeadlineError("the deadline of this invocation passed during the download")


@contextmanager
def open_video(job: ExtractionJob, locator: VideoLocator) -> Iterator[StreamedVideo]:
    """Open the job's video, at the first of its possible keys that exists.

    Raises:
        VideoMissingError: None of the keys exists.
        UnknownBucketError: The message names a bucket that does not exist.
        StorageUnavailableError: The bucket of the settings does not exist, among other causes.
    """
    bucket = job.bucket or locator.bucket
    candidates = (
        keys.readings(job.key)
        if job.key
        else list(keys.video_keys(locator.key_templates, job.code, job.platform))
    )
    store = locator.store(bucket)
    with ExitStack() as stack:
        for key in candidates:
            try:
                stream = stack.enter_context(store.open(key))
            except VideoMissingError:
                continue
            except StorageUnavailableError as error:
                if bucket == locator.bucket or not error.bucket_is_missing:
                    raise
                raise UnknownBucketError(f"there is no bucket {bucket!r}, which the message names") from error
            yield StreamedVideo(SourceVideo(bucket, key, stream.etag, stream.size_bytes), stream)
            return
    raise VideoMissingError(f"there is no object {' or '.join(map(repr, candidates))} in the bucket {bucket}")


def check_source_size(video: SourceVideo, max_bytes: int) -> None:
    """Check the size of a video before its download.

    Args:
        video: The video.
        max_bytes: Largest allowed size.

    Raises:
        UnreadableError: It is empty.
        TooLargeError: It is larger than `max_bytes`.
    """
    if video.size_bytes == 0:
        raise UnreadableError("the object is empty")
    if video.size_bytes > max_bytes:
        raise TooLargeError(f"{video.size_bytes} bytes are more than MAX_VIDEO_MB allows")
