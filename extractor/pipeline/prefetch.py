"""Download source videos, some of them ahead of their jobs while other videos are decoded."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from extractor.domain.jobs import ExtractionJob, SourceVideo
from extractor.errors import ExtractorError
from extractor.pipeline.disk_space import DiskSpace
from extractor.pipeline.source import StreamedVideo, VideoLocator, check_source_size, open_video
from extractor.pipeline.workdir import job_directory


class DownloadedVideo(Struct, frozen=True):
    """A source video that is already on the disk.

    Attributes:
        video: The object and its version.
        path: The file.
    """

    video: SourceVideo
    path: Path


VideoSource = StreamedVideo | DownloadedVideo
"""A source video whose version is known."""


class Prefetcher:
    """Opens and downloads the videos of jobs, and downloads some ahead of their jobs. Thread-safe.

    A prefetch that fails is discarded: the job opens its video again and reports the failure itself. Call
    `cancel` at the end, so that no file is left on the disk.

    Args:
        locator: Where the videos are.
        work_dir: Parent of the temporary directories.
        videos_ahead: Number of videos that are downloaded ahead of their jobs, at most.

    Attributes:
        key_templates: See `VideoLocator`.
    """

    def __init__(self, locator: VideoLocator, work_dir: Path, videos_ahead: int = 1) -> None:
        self.key_templates = locator.key_templates
        self._locator = locator
        self._downloads = _Downloads(work_dir, locator.max_bytes)
        self._videos_ahead = videos_ahead
        self._ahead: dict[ExtractionJob, _Fetch] = {}
        self._lock = threading.Lock()

    def prefetch(self, job: ExtractionJob, deadline: float) -> None:
        """Start to download the video of `job`, unless that is in progress or too many others are."""
        with self._lock:
            if job not in self._ahead and len(self._ahead) < self._videos_ahead:
                self._ahead[job] = _Fetch(job, self._locator, self._downloads, deadline)

    @contextmanager
    def open(self, job: ExtractionJob) -> Iterator[VideoSource]:
        """Open the job's video; see `open_video` for the errors."""
        fetch = self._take(job)
        try:
            if fetch is not None and (found := fetch.result()) is not None:
                yield found
            else:
                with open_video(job, self._locator) as source:
                    yield source
        finally:
            if fetch is not None:
                fetch.end()

    @contextmanager
    def download(self, source: VideoSource, deadline: float) -> Iterator[Path]:
        """Download an open video, unless it is on the disk already; its file exists until the block ends.

        Raises:
            UnreadableError: The object is empty.
            TooLargeError: It is larger than MAX_VIDEO_MB allows, or than the free space on the disk.
            DeadlineError: The deadline has passed.
            SourceChangedError: The object has another size than announced.
        """
        if isinstance(source, DownloadedVideo):
            yield source.path
        else:
            with self._downloads.run(source, deadline, make_room=self.cancel) as path:
                yield path

    def discard(self, job: ExtractionJob) -> None:
        """Stop the prefetch of `job`, if there is one, and remove its file."""
        if (fetch := self._take(job)) is not None:
            fetch.end()

    def cancel(self) -> None:
        """Stop all prefetches, and remove their files."""
        with self._lock:
            fetches = list(self._ahead.values())
            self._ahead.clear()
        for fetch in fetches:
            fetch.end()

    def _take(self, job: ExtractionJob) -> "_Fetch | None":
        with self._lock:
            return self._ahead.pop(job, None)


class _Downloads:
    """Downloads videos into directories of their own, as far as the disk has space for them."""

    def __init__(self, work_dir: Path, max_bytes: int) -> None:
        self._work_dir = work_dir
        self._max_bytes = max_bytes
        self._space = DiskSpace(work_dir)

    @contextmanager
    def run(
        self, source: StreamedVideo, deadline: float, make_room: Callable[[], None] | None = None
    ) -> Iterator[Path]:
        """See `Prefetcher.download` and, for `make_room`, `DiskSpace.reserve`."""
        check_source_size(source.video, self._max_bytes)
        self._work_dir.mkdir(parents=True, exist_ok=True)
        with (
            self._space.reserve(source.video.size_bytes, deadline, make_room) as reservation,
            job_directory(self._work_dir) as directory,
        ):
            path = directory / "source"
            source.download(path, deadline)
            self._space.mark_written(reservation)
            yield path


class _Fetch:
    """One download in a separate thread. `end` stops it and removes the file."""

    def __init__(
        self, job: ExtractionJob, locator: VideoLocator, downloads: _Downloads, deadline: float
    ) -> None:
        self._job = job
        self._locator = locator
        self._downloads = downloads
        self._deadline = deadline
        self._found: DownloadedVideo | None = None
        self._finished = threading.Event()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()

    def result(self) -> DownloadedVideo | None:
        self._finished.wait()
        return self._found

    def end(self) -> None:
        self._cancelled.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(ExtractorError, OSError), open_video(self._job, self._locator) as opened:
                source = StreamedVideo(opened.video, opened.stream, self._cancelled.is_set)
                with self._downloads.run(source, self._deadline) as path:
                    self._found = DownloadedVideo(source.video, path)
                    self._finished.set()
                    self._cancelled.wait()  # keeps the file until then
        finally:
            self._finished.set()
