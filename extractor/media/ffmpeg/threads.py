"""Choose the number of decoder threads.

A second decoder thread costs about 15% more CPU time, and image encoding, hashes and uploads need CPU time
too. So there is one decoder thread for every two CPUs.
"""

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_MAX_THREADS = 4  # each thread holds frames in memory, and the speed-up per thread falls


def available_cpus() -> float:
    """Return the number of CPUs that this process may use, at most those of its container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, quota(_QUOTA.read_text())) if _QUOTA.exists() else float(count)


def decoder_threads(cpus: float | None = None, videos: int = 1) -> int:
    """Return one thread for every two CPUs that this process may use, 1 to 4.

    Args:
        cpus: The number of CPUs that the process is known to get. Lambda shows more CPUs than the function
            may use.
        videos: The number of videos that are decoded at a time.
    """
    limit = available_cpus() if cpus is None else min(cpus, available_cpus())
    return min(_MAX_THREADS, max(1, int(limit / 2 / videos)))


def quota(cpu_max: str) -> float:
    """Return the CPUs that ``cpu.max`` of a cgroup allows: 0.5 for ``50000 100000``, infinite for ``max``."""
    quota_us, _, period_us = cpu_max.partition(" ")
    return float("inf") if quota_us == "max" else int(quota_us) / int(period_us)
