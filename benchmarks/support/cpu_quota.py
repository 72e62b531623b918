"""A share of the processors for a process and all that it starts, as the kernel enforces it (Linux, root).

Lambda does the same with the memory size. The kernel's control groups come in two versions; what is
mounted here decides.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_V1 = Path("/sys/fs/cgroup/cpu")
_V2 = Path("/sys/fs/cgroup")
_PERIOD_MICROSECONDS = 20_000  # the default, 100 ms, would stop a short video's work in long pieces


@contextmanager
def cpu_quota(cpus: float) -> Iterator[Callable[[int], None]]:
    """Gives a function that puts the process of an id under the quota; it must have ended when the block
    does. Raises `OSError` without the rights, or where there are no control groups.

    The group goes before others on the machine, since a share on Lambda is there for one function alone.
    """
    quota = round(cpus * _PERIOD_MICROSECONDS)
    if _V1.is_dir():
        parent, limits = _V1, {
            "cpu.cfs_period_us": f"{_PERIOD_MICROSECONDS}",
            "cpu.cfs_quota_us": f"{quota}",
            "cpu.shares": f"{8 * 1024}",
        }  # fmt: skip
    else:
        parent, limits = _V2, {"cpu.max": f"{quota} {_PERIOD_MICROSECONDS}", "cpu.weight": f"{8 * 100}"}
    group = parent / f"frame-extractor-{os.getpid()}-{quota}"
    group.mkdir()
    try:
        for name, value in limits.items():
            (group / name).write_text(value)
        yield lambda pid: _put(pid, group)
    finally:
        group.rmdir()


def _put(pid: int, group: Path) -> None:
    """With all its threads; what they start afterwards is born in there."""
    (group / "cgroup.procs").write_text(str(pid))
