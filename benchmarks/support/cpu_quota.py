"""CPU quota for a process and its children, enforced by the kernel's control groups (Linux, root).

Lambda does the same by memory size. Control groups exist in two versions; the mounted one is used.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_V1 = Path("/sys/fs/cgroup/cpu")
_V2 = Path("/sys/fs/cgroup")
_PERIOD_MICROSECONDS = 20_000  # the default, 100 ms, would stop a short video's work in long pieces


@contextmanager
def cpu_quota(cpus: float) -> Iterator[Callable[[int], None]]:
    """Yield a function that puts a process under the quota; the process must have ended when the block ends.

    The group has priority over other processes, since a share on Lambda belongs to one function alone.

    Raises:
        OSError: There are no control groups, or the user lacks the rights.
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
    group = Path(tempfile.mkdtemp(prefix="frame-extractor-", dir=parent))
    try:
        for name, value in limits.items():
            (group / name).write_text(value)
        yield lambda pid: _put(pid, group)
    finally:
        group.rmdir()


def _put(pid: int, group: Path) -> None:
    """Add all threads of the process; threads that they start later inherit the group."""
    (group / "cgroup.procs").write_text(str(pid))
