"""Download source videos, some of them ahead of their jobs while other videos are decoded."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from extractor.domain.jobs import ExtractionJob, FrameSlice
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ExtractorError
from extractor.pipeline.download import DownloadedVideo, Downloads
from extractor.pipeline.needed_bytes import FetchRules
from extractor.pipeline.source import StreamedVideo, VideoLocator, open_video

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
        rules: Of which videos only the needed bytes are fetched; ``None``: of none.

    Attributes:
        key_templates: See `VideoLocator`.
    """

    def __init__(
        self, locator: VideoLocator, work_dir: Path, videos_ahead: int = 1, rules: FetchRules | None = None
    ) -> None:
        self.key_templates = locator.key_templates
        self._locator = locator
        self._downloads = Downloads(work_dir, locator.max_bytes, rules)
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
    def download(
        self,
        source: VideoSource,
        policy: SamplingPolicy,
        deadline: float,
        part: FrameSlice | None = None,
    ) -> Iterator[DownloadedVideo]:
        """Download an open video, unless it is on the disk already; its file exists until the block ends.

        Raises:
            ExtractorError: See `Downloads.run`.
        """
        if isinstance(source, DownloadedVideo):
            source.space.make_room = self.cancel  # its job is in work now, and may need more space
            yield source
        else:
            with self._downloads.run(source, policy, deadline, self.cancel, part) as downloaded:
                yield downloaded

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


class _Fetch:
    """One download in a separate thread. `end` stops it and removes the file."""

    def __init__(
        self, job: ExtractionJob, locator: VideoLocator, downloads: Downloads, deadline: float
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
                source = replace(opened, is_cancelled=self._cancelled.is_set)
                with self._downloads.run(
                    source, self._job.policy, self._deadline, part=self._job.part
                ) as self._found:
                    self._finished.set()
                    self._cancelled.wait()  # keeps the file until then
        finally:
            self._finished.set()
