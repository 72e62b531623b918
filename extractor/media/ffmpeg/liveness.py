"""Detect that a child process is hung.

A child counts as hung if it has used no CPU time and written no output for `stall_seconds`. A child that uses
CPU time, but neither writes output nor reads its input any further, counts as hung after ten times as long.
Without /proc, a child counts as hung if it has written no output for `stall_seconds`.
"""

import os
import time
from contextlib import suppress

from msgspec import Struct, field

_LOOP_FACTOR = 10
_MIN_IDLE_SECONDS = 0.25


class Liveness(Struct):
    """Samples of the activity of the child `pid`. Log messages on stderr do not count as output."""

    pid: int
    stall_seconds: float
    _started: float = field(default_factory=time.monotonic)
    _quiet_since: float = field(default_factory=time.monotonic)
    used_cpu: bool = True
    _sampled: float = field(default_factory=time.monotonic)
    _cpu_seconds: float | None = 0.0
    _cpu_changed: float = 0.0
    _positions: tuple[int, ...] = ()
    _positions_changed: float = 0.0

    def record_output(self) -> None:
        """Record that output arrived, or that the reader starts to wait for output."""
        self._quiet_since = time.monotonic()

    def is_due(self, seconds: float) -> bool:
        """Whether the last sample is at least `seconds` old."""
        return time.monotonic() - self._sampled >= seconds

    def sample(self) -> None:
        """Take a sample.

        Afterwards `used_cpu` is whether the child used CPU time since the sample before; ``False`` if
        unknown.
        """
        self._sampled = now = time.monotonic()
        cpu, positions = cpu_seconds(self.pid), file_positions(self.pid)
        self.used_cpu = cpu is not None and cpu != self._cpu_seconds
        if self.used_cpu:
            self._cpu_changed = now
        if positions != self._positions:
            self._positions_changed = now
        self._cpu_seconds, self._positions = cpu, positions

    @property
    def hang_reason(self) -> str | None:
        """Why the child counts as hung; ``None`` if it does not."""
        quiet = time.monotonic() - self._quiet_since
        if self.idle_seconds >= self.stall_seconds:
            return f"FFmpeg was idle for {self.idle_seconds:.1f} s"
        same_positions = time.monotonic() - max(self._quiet_since, self._positions_changed)
        if same_positions >= _LOOP_FACTOR * self.stall_seconds:
            return f"FFmpeg used CPU time for {quiet:.1f} s, but read and wrote nothing"
        return None

    @property
    def hang_reason_at_deadline(self) -> str | None:
        """As `hang_reason`, at the deadline: a child that was idle for half of its run time is hung, too.

        A child that has just started may not have had a processor yet: a shorter idle time than
        `_MIN_IDLE_SECONDS` proves nothing.
        """
        idle = self.idle_seconds
        if idle >= max(_MIN_IDLE_SECONDS, (time.monotonic() - self._started) / 2):
            return f"FFmpeg was idle for {idle:.1f} s"
        return self.hang_reason

    @property
    def idle_seconds(self) -> float:
        """For how long the child has neither written output nor used CPU time."""
        return time.monotonic() - max(self._quiet_since, self._cpu_changed)


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time that the process and its threads have used; ``None`` if unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - read often
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def file_positions(pid: int) -> tuple[int, ...]:
    """Return the position in each open file of the process; empty if unknown."""
    positions = []
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fdinfo"):  # noqa: PTH208 - read often
            with suppress(OSError), open(f"/proc/{pid}/fdinfo/{descriptor}", "rb") as file:  # noqa: PTH123
                positions.append(int(file.readline().split()[1]))
    return tuple(positions)
