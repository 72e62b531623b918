"""What this process holds on to."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.proof.processes import children_of


@dataclass(frozen=True, slots=True)
class Footprint:
    descriptors: int
    threads: int
    children: int
    files: int
    memory_kb: int


def footprint(work_dir: Path) -> Footprint:
    """Now; `files` are those in the work directory, `memory_kb` is resident and not shared with a file."""
    return Footprint(
        descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - as bare as it can be
        threads=threading.active_count(),
        children=len(list(children_of(os.getpid()))),
        files=sum(1 for _ in work_dir.rglob("*")) if work_dir.exists() else 0,
        memory_kb=_memory_kb(),
    )


def _memory_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith("RssAnon:"))
    return int(found.split()[1])
