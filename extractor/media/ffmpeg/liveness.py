"""Whether a child process is at work, slow or hung.

A child is hung if for `stall_seconds` it used no CPU time and wrote nothing but complaints. One that only
computes, without writing and without reading its input on, counts as hung after ten times as long. Where
there is no /proc, a child that writes nothing for `stall_seconds` counts as hung.
"""

import os
import time
from contextlib import suppress

from msgspec import Struct, field

_LOOP_FACTOR = 10


class Liveness(Struct):
    """What is known of the child `pid`. Text on stderr is no output: a loop that complains is a loop."""

    pid: int
    stall_seconds: float
    _born: float = field(default_factory=time.monotonic)
    _quiet_since: float = field(default_factory=time.monotonic)
    worked: bool = True
    _looked: float = 0.0
    _cpu_seen: float | None = None
    _cpu_changed: float = 0.0
    _places_seen: tuple[int, ...] = ()
    _places_changed: float = 0.0

    def renew(self) -> None:
        """Output came, or its reader only now waits for it."""
        self._quiet_since = time.monotonic()

    def is_due(self, seconds: float) -> bool:
        """Whether the last sample is so old."""
        return time.monotonic() - self._looked >= seconds

    def look(self) -> None:
        """Take a sample. `worked` then tells whether the child used CPU time since the one before, as far as
        that can be known."""
        self._looked = now = time.monotonic()
        cpu, places = cpu_seconds(self.pid), input_places(self.pid)
        self.worked = cpu is not None and cpu != self._cpu_seen
        if self.worked:
            self._cpu_changed = now
        if places != self._places_seen:
            self._places_changed = now
        self._cpu_seen, self._places_seen = cpu, places

    @property
    def complaint(self) -> str | None:
        """Why the child is hung; `None` if it is not."""
        quiet = time.monotonic() - self._quiet_since
        if self.idle_seconds >= self.stall_seconds:
            return f"FFmpeg gave no sign of life for {self.idle_seconds:.1f} s"
        same_place = time.monotonic() - max(self._quiet_since, self._places_changed)
        if same_place >= _LOOP_FACTOR * self.stall_seconds:
            return f"FFmpeg computed for {quiet:.1f} s without reading or writing anything"
        return None

    @property
    def complaint_at_deadline(self) -> str | None:
        """The same where no more time is left to wait: idle for half of its life is hung, too."""
        if self.idle_seconds >= (time.monotonic() - self._born) / 2:
            return f"FFmpeg gave no sign of life for {self.idle_seconds:.1f} s"
        return self.complaint

    @property
    def idle_seconds(self) -> float:
        """For how long the child has neither written anything nor used CPU time."""
        return time.monotonic() - max(self._quiet_since, self._cpu_changed)


def cpu_seconds(pid: int) -> float | None:
    """CPU time that the process and its threads have used; `None` if that cannot be known."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - read often
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def input_places(pid: int) -> tuple[int, ...]:
    """The position in each file that the process has open; empty if that cannot be known."""
    places = []
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fdinfo"):  # noqa: PTH208 - read often
            with suppress(OSError), open(f"/proc/{pid}/fdinfo/{descriptor}", "rb") as file:  # noqa: PTH123
                places.append(int(file.readline().split()[1]))
    return tuple(places)
