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
    """Space for one file.

    Attributes:
        deadline: Until when to wait for the space that other files take, as of `time.monotonic()`.
        make_room: Called before each wait, to remove files that nobody is working on. ``None`` to raise
            instead of waiting.
        missing_bytes: What is still to be written.
        is_waiting: Whether the file waits for more space, while it keeps what it has.
    """

    deadline: float
    make_room: Callable[[], None] | None
    missing_bytes: int = 0
    is_waiting: bool = False


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
            deadline: See `Reservation`.
            make_room: Likewise.

        Raises:
            TooLargeError: The file does not fit, and no other file takes space.
            DeadlineError: Other files take the space.
        """
        reservation = Reservation(deadline, make_room)
        self._take(reservation, size_bytes)
        try:
            yield reservation
        finally:
            with self._changed:
                self._reservations.remove(reservation)
                self._notify()

    @contextmanager
    def writing(self, reservation: Reservation, size_bytes: int) -> Iterator[None]:
        """Keep more space for a file, which the block writes.

        Args:
            reservation: The space of the file.
            size_bytes: How much the block adds to it.

        Raises:
            TooLargeError: The file does not fit, and no other file takes space.
            DeadlineError: Other files take the space.
        """
        self._take(reservation, size_bytes)
        yield
        self.mark_written(reservation)

    def mark_written(self, reservation: Reservation) -> None:
        """Record that a file is complete for now: it is no longer part of the free space."""
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

    def _take(self, reservation: Reservation, size_bytes: int) -> None:
        """Add to a reservation, and wait for the space if necessary."""
        seen = self._changes
        while not self._try_to_take(reservation, size_bytes):
            if reservation.make_room is None:
                raise DeadlineError("other videos take the space on the disk")
            reservation.make_room()
            seen = self._wait_for_change(seen, reservation.deadline)

    def _try_to_take(self, reservation: Reservation, size_bytes: int) -> bool:
        """Add to a reservation if that fits.

        Raises:
            TooLargeError: It does not fit, even without others.
            DeadlineError: All others that have space wait for more of it as well.
        """
        with self._changed:
            free = shutil.disk_usage(self._directory).free
            fits = size_bytes <= free - sum(one.missing_bytes for one in self._reservations)
            others = [one for one in self._reservations if one is not reservation]
            if fits:
                reservation.missing_bytes += size_bytes
                self._reservations = [*others, reservation]
            elif not others:
                raise TooLargeError(f"{size_bytes} bytes do not fit on the disk, which has {free} bytes free")
            elif len(others) < len(self._reservations) and all(one.is_waiting for one in others):
                raise DeadlineError("the videos on the disk wait for the space of each other")
            reservation.is_waiting = not fits
            return fits
