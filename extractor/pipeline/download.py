"""Download source videos: all of their bytes, or those that are needed."""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, cast

from msgspec import Struct

from extractor.backends.storage.base import RangedObject
from extractor.domain.jobs import FrameSlice, SourceVideo
from extractor.domain.policy import SamplingPolicy
from extractor.pipeline.disk_space import DiskSpace, Reservation
from extractor.pipeline.needed_bytes import FetchRules, fetch_needed
from extractor.pipeline.partial_copy import PartialCopy
from extractor.pipeline.source import StreamedVideo, check_source_size
from extractor.pipeline.workdir import job_directory

_FIRST_BYTES: Final = 1 << 20
"""At least the size of the first chunk of a stream."""


class DownloadedVideo(Struct, frozen=True):
    """A source video that is on the disk.

    Attributes:
        video: The object and its version.
        path: The file.
        space: What the file takes of the disk.
        copy: The copy, if only the needed bytes are there.
    """

    video: SourceVideo
    path: Path
    space: Reservation
    copy: PartialCopy | None = None

    @property
    def fetched_bytes(self) -> int:
        """How many bytes of the object are on the disk."""
        return self.copy.fetched_bytes if self.copy else self.video.size_bytes


class Downloads:
    """Downloads videos into directories of their own, as far as the disk has space for them.

    Args:
        work_dir: Parent of the directories.
        max_bytes: Largest allowed video.
        rules: Of which videos only the needed bytes are fetched; ``None``: of none.
    """

    def __init__(self, work_dir: Path, max_bytes: int, rules: FetchRules | None) -> None:
        self._work_dir = work_dir
        self._max_bytes = max_bytes
        self._rules = rules
        self._space = DiskSpace(work_dir)

    @contextmanager
    def run(
        self,
        source: StreamedVideo,
        policy: SamplingPolicy,
        deadline: float,
        make_room: Callable[[], None] | None = None,
        part: FrameSlice | None = None,
    ) -> Iterator[DownloadedVideo]:
        """Download a video; its file exists until the block ends.

        Args:
            source: The video.
            policy: Which frames are wanted of it.
            deadline: When the download must end, as of `time.monotonic()`.
            make_room: See `Reservation`.
            part: The slice of the video that is wanted, if not all of it.

        Raises:
            UnreadableError: The object is empty.
            TooLargeError: It is larger than MAX_VIDEO_MB allows, or what is needed of it is larger than the
                free space on the disk.
            DeadlineError: The deadline has passed.
            SourceChangedError: The object has another size than announced, or was overwritten meanwhile.
        """
        check_source_size(source.video, self._max_bytes)
        self._work_dir.mkdir(parents=True, exist_ok=True)
        size = source.video.size_bytes
        ranges, rules = source.stream.ranges, self._rules
        in_part = ranges is not None and rules is not None and rules.apply_to(size, policy)
        with (
            self._space.reserve(_FIRST_BYTES if in_part else size, deadline, make_room) as space,
            job_directory(self._work_dir) as directory,
        ):
            path, copy = directory / "source", None
            if rules is not None and ranges is not None and in_part:
                fetch = partial(fetch_needed, policy=policy, rules=rules, deadline=deadline, part=part)
                timed = _TimedVideo(source, ranges, deadline)
                copy = timed.copy(path, partial(self._space.writing, space), fetch)
            else:
                source.download(path, deadline)
            self._space.mark_written(space)
            yield DownloadedVideo(source.video, path, space, copy)


class _TimedVideo(Struct, frozen=True):
    """A video of which ranges are read until a deadline, as a `RangedObject`."""

    source: StreamedVideo
    ranges: RangedObject
    deadline: float

    @property
    def size_bytes(self) -> int:
        return self.ranges.size_bytes

    def chunks(self, run: range) -> Iterator[bytes]:
        return self.source.in_time(self.ranges.chunks(run), self.deadline)

    def copy(
        self,
        path: Path,
        taking: Callable[[int], AbstractContextManager[object]],
        fetch: Callable[[PartialCopy], bool],
    ) -> PartialCopy | None:
        """Copy what is needed of the video, or all of it.

        The beginning comes from the stream that is open, which goes on if nothing else was read in between.

        Args:
            path: The file to create.
            taking: See `PartialCopy`.
            fetch: Fetches what is needed, and returns whether that suffices.

        Returns:
            The copy; ``None`` if it is complete.
        """
        with closing(cast("Generator[bytes]", self.source.stream.chunks())) as stream:
            chunks = self.source.in_time(stream, self.deadline)
            copy = PartialCopy(self, path, next(chunks), taking)
            if fetch(copy):
                return copy
            if copy.request_count == 1:
                copy.append(chunks)
                return None
        copy.complete()
        return None
