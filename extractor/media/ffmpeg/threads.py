"""How many decoder threads pay. A second thread costs some 15% more processor time, and images, hashes and
uploads want a processor, too: so there is a thread for every two."""

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_MOST = 4  # more threads mean more frames in memory for ever less speed


def decoder_threads(share: float | None = None) -> int:
    """One for every two processors that this process may use, 1 to 4. `share` is what it is known to be
    given, where the machine shows more (Lambda does); a container's quota is read from its cgroup."""
    limits = [
        float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    ]
    if share is not None:
        limits.append(share)
    if _QUOTA.exists():
        limits.append(quota(_QUOTA.read_text()))
    return min(_MOST, max(1, int(min(limits) / 2)))


def quota(cpu_max: str) -> float:
    """Processors that a cgroup's ``cpu.max`` allows: ``50000 100000`` is a half, ``max 100000`` all."""
    most, _, period = cpu_max.partition(" ")
    return float("inf") if most == "max" else int(most) / int(period)
