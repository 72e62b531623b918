"""A local copy of an object, of which only some bytes are fetched. The file is sparse and of full size."""

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

from extractor.media.container.byte_runs import byte_count, merge, split, subtract
from extractor.media.container.sample_table import UnsupportedTablesError

HEAD_BYTES: Final = 1 << 18
"""The size of the first request, and of those that follow the headers of the file."""

THREADS: Final = 8
_PIECE_BYTES: Final = 1 << 23
_MAX_HEADER_READS: Final = 32


class RangedObject(Protocol):
    """One version of an object. Thread-safe."""

    @property
    def size_bytes(self) -> int:
        """The size of the object."""
        ...

    @property
    def head(self) -> bytes:
        """Its first bytes."""
        ...

    def chunks(self, run: range) -> Iterator[bytes]:
        """Yield the bytes of a run.

        Raises:
            SourceChangedError: The object was overwritten meanwhile.
            ExtractorError: It cannot be read.
        """
        ...


class PartialCopy:
    """A file of the size of an object, with those of its bytes that were fetched, and holes.

    Args:
        source: The object.
        path: The file to create.

    Attributes:
        size_bytes: The size of the object.
        present: The bytes that are there, as runs that do not touch each other.
        request_count: The number of requests.
    """

    def __init__(self, source: RangedObject, path: Path) -> None:
        self._source, self._path = source, path
        self.size_bytes = source.size_bytes
        self.present = merge([range(len(source.head))])
        self.request_count = 1
        with path.open("xb") as file:
            file.write(source.head)
            file.truncate(self.size_bytes)

    @property
    def fetched_bytes(self) -> int:
        """The number of bytes that are there."""
        return byte_count(self.present)

    def fetch(self, runs: Iterable[range]) -> None:
        """Fetch those bytes of `runs` that are missing, several pieces at a time.

        Raises:
            ExtractorError: The object cannot be read, or was overwritten meanwhile.
        """
        missing = subtract(merge(runs), self.present)
        pieces = list(split(missing, _PIECE_BYTES))
        if not pieces:
            return
        stop = threading.Event()
        descriptor = os.open(self._path, os.O_WRONLY)
        try:
            with ThreadPoolExecutor(min(THREADS, len(pieces))) as pool:
                try:
                    for _ in pool.map(lambda piece: self._fetch_piece(piece, descriptor, stop), pieces):
                        self.request_count += 1
                except BaseException:
                    stop.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        finally:
            os.close(descriptor)
        self.present = merge([*self.present, *missing])

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
        path: Its file.
    """

    def __init__(self, copy: PartialCopy, path: Path) -> None:
        self._copy, self._path = copy, path
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
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)
