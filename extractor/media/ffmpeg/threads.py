"""Choose the number of decoder threads.

A second decoder thread costs about 15% more CPU time, and image encoding, hashes and uploads need CPU time
too. So there is one decoder thread for every two CPUs.
"""

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_MAX_THREADS = 4  # each thread holds frames in memory, and the speed-up per thread falls


def decoder_threads(available_cpus: float | None = None) -> int:
    """Return one thread for every two CPUs that this process may use, 1 to 4.

    Args:
        available_cpus: The number of CPUs that the process is known to get. Lambda shows more CPUs than the
            function may use. The quota of a container is read from its cgroup in any case.
    """
    limits = [
        float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    ]
    if available_cpus is not None:
        limits.append(available_cpus)
    if _QUOTA.exists():
        limits.append(quota(_QUOTA.read_text()))
    return min(_MAX_THREADS, max(1, int(min(limits) / 2)))


def quota(cpu_max: str) -> float:
    """Return the CPUs that ``cpu.max`` of a cgroup allows: 0.5 for ``50000 100000``, infinite for ``max``."""
    quota_us, _, period_us = cpu_max.partition(" ")
    return float("inf") if quota_us == "max" else int(quota_us) / int(period_us)
