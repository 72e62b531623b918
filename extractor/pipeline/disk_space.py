"""Share the free space of a disk among the videos that are on it at the same time."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from extractor.errors import DeadlineError, TooLargeError


class Reservation(Struct, eq=False):
    """Space for one file. `missing_bytes` is what is still to be written."""

    missing_bytes: int


class DiskSpace:
    """Reserves space for files before they are written. Thread-safe.

    Args:
        directory: The directory of the files. It must exist when space is reserved.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reservations: list[Reservation] = []
        self._changed = threading.Condition()
        self._changes = 0

    @contextmanager
    def reserve(
        self, size_bytes: int, deadline: float, make_room: Callable[[], None] | None = None
    ) -> Iterator[Reservation]:
        """Keep space for a file until the block ends, by when the caller has removed the file.

        Args:
            size_bytes: The size of the file.
            deadline: Until when to wait for the space that other files take, as of `time.monotonic()`.
            make_room: Called before each wait, to remove files that nobody is working on. ``None`` to raise
                instead of waiting.

        Raises:
            TooLargeError: The file does not fit, and no other file takes space.
            DeadlineError: Other files take the space.
        """
        reservation = Reservation(size_bytes)
        seen = self._changes
        while not self._try_to_add(reservation):
            if make_room is None:
                raise DeadlineError("other videos take the space on the disk")
            make_room()
            seen = self._wait_for_change(seen, deadline)
        try:
            yield reservation
        finally:
            with self._changed:
                self._reservations.remove(reservation)
                self._notify()

    def mark_written(self, reservation: Reservation) -> None:
        """Record that the file is complete: it is no longer part of the free space."""
        with self._changed:
            reservation.missing_bytes = 0
            self._notify()

    def _notify(self) -> None:
        self._changes += 1
        self._changed.notify_all()

    def _wait_for_change(self, seen: int, deadline: float) -> int:
        """Wait until there were more changes than `seen`, and return their number."""
        with self._changed:
            seconds_left = max(0.0, deadline - time.monotonic())
            if not self._changed.wait_for(lambda: self._changes > seen, seconds_left):
                raise DeadlineError("other videos took the space on the disk until the deadline")
            return self._changes

    def _try_to_add(self, reservation: Reservation) -> bool:
        """Add the reservation if it fits; `TooLargeError` if it does not even without others."""
        with self._changed:
            free = shutil.disk_usage(self._directory).free
            fits = reservation.missing_bytes <= free - sum(one.missing_bytes for one in self._reservations)
            if fits:
                self._reservations.append(reservation)
            elif not self._reservations:
                raise TooLargeError(
                    f"{reservation.missing_bytes} bytes do not fit on the disk, which has {free} bytes free"
                )
            return fits
