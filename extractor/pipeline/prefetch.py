"""Download the next job's video while the current one is decoded."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from extractor.domain.jobs import ExtractionJob, SourceVideo
from extractor.errors import ExtractorError
from extractor.pipeline.source import StreamedVideo, VideoLocator, VideoSource, check_source_size, open_video
from extractor.pipeline.workdir import job_directory

logger = logging.getLogger(__name__)


class _DownloadedVideo(Struct, frozen=True):
    """A `VideoSource` that is already on the disk."""

    video: SourceVideo
    file: Path

    def download(self, path: Path, deadline: float) -> None:  # noqa: ARG002 - takes no time
        self.file.replace(path)


class Prefetcher:
    """Opens the videos of jobs; a thread may download one of them ahead of its job.

    A prefetch that fails is discarded: the job opens its video again and reports the failure itself. Call
    `cancel` at the end, so that no file is left on the disk.

    Attributes:
        key_templates: See `VideoLocator`.
        max_bytes: See `VideoLocator`.
    """

    def __init__(self, locator: VideoLocator, work_dir: Path) -> None:
        self.key_templates = locator.key_templates
        self.max_bytes = locator.max_bytes
        self._locator = locator
        self._work_dir = work_dir
        self._ahead: _Fetch | None = None

    def prefetch(self, job: ExtractionJob, deadline: float) -> None:
        """Start to download the video of `job`, unless that is in progress."""
        if self._ahead is None or self._ahead.job != job:
            self.cancel()
            self._ahead = _Fetch(job, self._locator, self._work_dir, deadline)

    @contextmanager
    def open(self, job: ExtractionJob) -> Iterator[VideoSource]:
        """Open the job's video; see `open_video` for the errors."""
        fetch, self._ahead = self._ahead, None
        if fetch is not None and fetch.job != job:
            self._ahead, fetch = fetch, None
        with ExitStack() as stack:
            if fetch is not None:
                stack.callback(fetch.end)
                if (found := fetch.result()) is not None:
                    yield found
                    return
            yield stack.enter_context(open_video(job, self._locator))

    def cancel(self) -> None:
        """Stop the download in progress, if any, and remove its file."""
        fetch, self._ahead = self._ahead, None
        if fetch is not None:
            fetch.end()


class _Fetch:
    """One download in a separate thread. `end` stops it and removes the file."""

    def __init__(self, job: ExtractionJob, locator: VideoLocator, work_dir: Path, deadline: float) -> None:
        self.job = job
        self._locator = locator
        self._work_dir = work_dir
        self._deadline = deadline
        self._found: _DownloadedVideo | None = None
        self._finished = threading.Event()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()

    def result(self) -> _DownloadedVideo | None:
        self._finished.wait()
        return self._found

    def end(self) -> None:
        self._cancelled.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(ExtractorError, OSError), job_directory(self._work_dir) as directory:
                self._found = self._fetch(directory)
                self._finished.set()
                self._cancelled.wait()  # keeps the directory until then
        finally:
            self._finished.set()

    def _fetch(self, directory: Path) -> _DownloadedVideo:
        with open_video(self.job, self._locator) as source:
            check_source_size(source.video, self._locator.max_bytes, directory)
            path = directory / "source"
            StreamedVideo(source.video, source.stream, self._cancelled.is_set).download(path, self._deadline)
            return _DownloadedVideo(source.video, path)
