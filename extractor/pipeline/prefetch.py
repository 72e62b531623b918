"""Fetching the next job's video while the present one is being decoded."""

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
    """A video that is here already."""

    video: SourceVideo
    file: Path

    def download(self, path: Path, deadline: float) -> None:  # noqa: ARG002 - nothing is left to wait for
        self.file.replace(path)


class Prefetcher:
    """Opens the videos of jobs; one of them may be fetched ahead, by a thread.

    A fetch that fails is forgotten: the job then opens its video itself, and meets the failure where
    it belongs. Whoever prefetches ends it with `cancel`, and nothing is left on the disk.
    """

    def __init__(self, locator: VideoLocator, work_dir: Path) -> None:
        self.key_templates = locator.key_templates
        self.max_bytes = locator.max_bytes
        self._locator = locator
        self._work_dir = work_dir
        self._ahead: _Fetch | None = None

    def prefetch(self, job: ExtractionJob, deadline: float) -> None:
        """Begin to fetch the video of `job`, unless it is under way already."""
        if self._ahead is None or self._ahead.job != job:
            self.cancel()
            self._ahead = _Fetch(job, self._locator, self._work_dir, deadline)

    @contextmanager
    def open(self, job: ExtractionJob) -> Iterator[VideoSource]:
        """The job's video; see `open_video` for what it raises."""
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
        """End the fetch that is under way, if any, and remove what it brought."""
        fetch, self._ahead = self._ahead, None
        if fetch is not None:
            fetch.end()


class _Fetch:
    """One download in a thread of its own. `end` stops it and removes the file."""

    def __init__(self, job: ExtractionJob, locator: VideoLocator, work_dir: Path, deadline: float) -> None:
        self.job = job
        self._locator = locator
        self._work_dir = work_dir
        self._deadline = deadline
        self._found: _DownloadedVideo | None = None
        self._arrived = threading.Event()
        self._unwanted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()

    def result(self) -> _DownloadedVideo | None:
        self._arrived.wait()
        return self._found

    def end(self) -> None:
        self._unwanted.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(ExtractorError, OSError), job_directory(self._work_dir) as directory:
                self._found = self._fetch(directory)
                self._arrived.set()
                self._unwanted.wait()  # the directory lives until then
        finally:
            self._arrived.set()

    def _fetch(self, directory: Path) -> _DownloadedVideo:
        with open_video(self.job, self._locator) as source:
            check_source_size(source.video, self._locator.max_bytes, directory)
            path = directory / "source"
            StreamedVideo(source.video, source.stream, self._unwanted.is_set).download(path, self._deadline)
            return _DownloadedVideo(source.video, path)
