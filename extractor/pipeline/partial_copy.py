"""A local copy of an object, of which only some bytes are fetched. The file is sparse and of full size."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate
from pathlib import Path
from typing import Final

from extractor.backends.storage.base import RangedObject
from extractor.domain.frames import ProgressCallback
from extractor.errors import SourceChangedError
from extractor.media.container.byte_runs import byte_count, merge, split, subtract
from extractor.media.container.sample_table import UnsupportedTablesError

HEAD_BYTES: Final = 1 << 18
"""The size of the first request, and of those that follow the headers of the file."""

THREADS: Final = 8
_PIECE_BYTES: Final = 1 << 23
_MAX_HEADER_READS: Final = 32


class PartialCopy:
    """A file of the size of an object, with those of its bytes that were fetched, and holes.

    Args:
        source: The object.
        path: The file to create.
        head: The first bytes of the object.
        taking: Returns a context manager for a number of bytes, which lasts while they are being written.
            Entering it makes sure that the disk has space for them.
        progress: Called while bytes are fetched, with how many are there and how many will be.

    Attributes:
        path: The file.
        size_bytes: The size of the object.
        present: The bytes that are there, as runs that do not touch each other.
        request_count: The number of requests.
    """

    def __init__(
        self,
        source: RangedObject,
        path: Path,
        head: bytes,
        taking: Callable[[int], AbstractContextManager[object]] = nullcontext,
        progress: ProgressCallback | None = None,
    ) -> None:
        self._source, self._taking, self._progress = source, taking, progress
        self.path = path
        self.size_bytes = source.size_bytes
        self.present = merge([range(len(head))])
        self.request_count = 1
        with path.open("xb") as file:
            file.write(head)
            file.truncate(self.size_bytes)

    @property
    def fetched_bytes(self) -> int:
        """The number of bytes that are there."""
        return byte_count(self.present)

    def fetch(self, runs: Iterable[range]) -> None:
        """Fetch those bytes of `runs` that are missing, several pieces at a time.

        Raises:
            ExtractorError: The object cannot be read, was overwritten meanwhile, or does not fit on the disk.
        """
        missing = subtract(merge(runs), self.present)
        pieces = list(split(missing, _PIECE_BYTES))
        if not pieces:
            return
        with self._taking(byte_count(missing)):
            self._fetch_pieces(pieces)
        self.present = merge([*self.present, *missing])

    def append(self, chunks: Iterable[bytes]) -> None:
        """Write the bytes of the object that follow on the only run that is present, up to its end.

        Raises:
            SourceChangedError: The object has another size than announced.
            ExtractorError: It cannot be read, or does not fit on the disk.
        """
        position = self.fetched_bytes
        with self._taking(self.size_bytes - position), self.path.open("r+b") as file:
            file.seek(position)
            for chunk in chunks:
                position += file.write(chunk)
        if position != self.size_bytes:
            raise SourceChangedError("the object has another size than was announced")
        self.present = [range(self.size_bytes)]

    def _fetch_pieces(self, pieces: Sequence[range]) -> None:
        done = accumulate(map(len, pieces), initial=self.fetched_bytes)
        done_at_end = next(done) + byte_count(pieces)
        from concurrent.futures import ThreadPoolExecutor  # slow to import

        stop = threading.Event()
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            with ThreadPoolExecutor(min(THREADS, len(pieces))) as pool:
                try:
                    for _ in pool.map(lambda piece: self._fetch_piece(piece, descriptor, stop), pieces):
                        self.request_count += 1
                        if self._progress:
                            self._progress(next(done), done_at_end)
                except BaseException:
                    stop.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        finally:
            os.close(descriptor)

    def _fetch_piece(self, piece: range, descriptor: int, stop: threading.Event) -> None:
        position = piece.start
        for chunk in self._source.chunks(piece):
            if stop.is_set():
                return
            rest = memoryview(chunk)
            while rest:
                written = os.pwrite(descriptor, rest, position)
                rest, position = rest[written:], position + written

    def complete(self) -> None:
        """Fetch all bytes that are missing."""
        self.fetch([range(self.size_bytes)])


class HeaderReader:
    """Reads the headers of a partial copy, and fetches what is missing of them.

    Args:
        copy: The copy.
    """

    def __init__(self, copy: PartialCopy) -> None:
        self._copy = copy
        self._position = self._reads = 0

    def seek(self, position: int) -> int:
        """Set the position of the next `read`."""
        self._position = position
        return position

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end of the file.

        Raises:
            UnsupportedTablesError: The headers are scattered over the file.
            ExtractorError: The object cannot be read.
        """
        start = min(self._position, self._copy.size_bytes)
        end = min(start + size, self._copy.size_bytes)
        if subtract([range(start, end)], self._copy.present):
            self._reads += 1
            if self._reads > _MAX_HEADER_READS:
                raise UnsupportedTablesError
            self._copy.fetch([range(start, min(max(end, start + HEAD_BYTES), self._copy.size_bytes))])
        self._position = end
        with self._copy.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)
