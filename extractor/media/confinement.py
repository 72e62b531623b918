"""What a child process may and may not do (Linux only)."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def confinement(memory_bytes: int, seconds: float) -> Callable[[], None]:
    """What the child does to itself between fork and exec: system calls only, prepared beforehand,
    since no lock that another thread holds may be waited for there."""
    cpu_seconds = max(1, int(seconds * (os.cpu_count() or 1)) + 1)
    limits = (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    )
    parent = os.getpid()
    set_option = _LIBC.prctl if _LIBC is not None else None

    def confine() -> None:
        for kind, most in limits:
            resource.setrlimit(kind, (most, most))
        if set_option is not None:
            set_option(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between: the death signal will never come
            os._exit(1)

    return confine


def hide_environment() -> None:
    """Keep children, which run under the same user, from reading this process's environment in /proc."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
