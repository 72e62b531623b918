"""What a child process may and may not do (Linux only).

The limits and the parent-death signal always hold. The filter of system calls and the rules for files are set
where the kernel has them; see docs/decisions/0004-confining-the-decoder.md.
"""

import ctypes
import mmap
import os
import platform
import resource
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from extractor.media.ffmpeg.landlock import RESTRICT_SELF, reading_only
from extractor.media.ffmpeg.seccomp import MACHINES, build_filter

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_MACHINE = platform.machine()
_CPUS = os.cpu_count() or 1
_INPUT_PREFIX = "file:"


class _FilterProgram(ctypes.Structure):
    """struct sock_fprog of <linux/filter.h>"""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


class Confinement:
    """Called in the child between fork and exec, it confines the child and becomes the program.

    Everything is prepared beforehand: the child only makes system calls, since no lock that another thread
    holds may be waited for there. It calls execve itself, since the filter lets only this one call through.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        limits: Sequence[tuple[int, int]],
        ruleset: int | None,
        inheritable: Sequence[int],
    ) -> None:
        self._limits = [(kind, _within(kind, most)) for kind, most in limits]
        self._ruleset = ruleset
        self._inheritable = inheritable
        self._parent = os.getpid()
        self._machine = _MACHINE
        self._path = ctypes.create_string_buffer(os.fsencode(argv[0]))
        self._argv = _strings(argv)
        self._environment = _strings([f"{name}={value}" for name, value in environment.items()])
        self._pointers = [ctypes.addressof(it) for it in (self._path, self._argv, self._environment)]
        self._failure = mmap.mmap(-1, 4)  # shared: in it the child says why it could not be started

    def __call__(self) -> None:
        assert _LIBC is not None
        for kind, most in self._limits:
            resource.setrlimit(kind, (most, most))
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._parent:  # it died in between: the death signal will never come
            os._exit(1)
        for descriptor in self._inheritable:
            os.close(descriptor)
        _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self._ruleset is not None:
            _LIBC.syscall(RESTRICT_SELF, self._ruleset, 0)
        if self._machine not in MACHINES:
            return  # subprocess starts the program
        code = build_filter(self._machine, os.getpid(), self._pointers)
        program = _FilterProgram(len(code) // 8, code)
        _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
        _LIBC.syscall(MACHINES[self._machine].execve, self._path, self._argv, self._environment)
        self._failure[:] = ctypes.get_errno().to_bytes(4, sys.byteorder)
        raise OSError

    @property
    def failure(self) -> int:
        """In the parent: the error number of the child that could not become the program; else 0."""
        return int.from_bytes(self._failure[:], sys.byteorder)


@contextmanager
def confine(
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    memory_bytes: int,
    seconds: float,
) -> Iterator[Confinement | None]:
    """How a child that runs `argv`, with no descriptor of ours but `descriptors`, is confined; `None` where
    nothing can be. From now on, children cannot read this process's environment either."""
    if _LIBC is None:
        yield None
        return
    hide_environment()
    limits = (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, max(1, int(seconds * _CPUS) + 1)),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    )
    inputs = [argument.removeprefix(_INPUT_PREFIX) for argument in argv if argument.startswith(_INPUT_PREFIX)]
    with reading_only(_LIBC, argv[0], inputs, descriptors) as ruleset:
        yield Confinement(argv, environment, limits, ruleset, _inheritable_but(descriptors))


def hide_environment() -> None:
    """Keep children, which run under the same user, from reading this process's environment in /proc."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _within(kind: int, most: int) -> int:
    """The limit, or the lower one that this process itself has."""
    hard = resource.getrlimit(kind)[1]
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def _strings(texts: Sequence[str]) -> "ctypes.Array[ctypes.c_char_p]":
    return (ctypes.c_char_p * (len(texts) + 1))(*map(os.fsencode, texts), None)


def _inheritable_but(kept: Sequence[int]) -> list[int]:
    """The other descriptors that would outlive an exec: those that code outside of Python opened."""
    found = []
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():  # noqa: PTH112, PTH208
        descriptor = int(name)
        try:
            if descriptor > 2 and descriptor not in kept and os.get_inheritable(descriptor):
                found.append(descriptor)
        except OSError:  # closed meanwhile
            continue
    return found
