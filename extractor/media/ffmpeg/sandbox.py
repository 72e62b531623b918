"""Confine a child process (Linux only).

Resource limits and the parent-death signal are always set; the seccomp filter and the Landlock ruleset only
if the kernel supports them. See docs/decisions/0004-confining-the-decoder.md.
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
    """The structure ``sock_fprog`` of ``<linux/filter.h>``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


class Confinement:
    """Confines the child between fork and exec, and then executes the program.

    All data is prepared in the parent: between fork and exec the child only makes system calls, since locks
    of other threads stay locked in it. It calls execve itself, since the filter allows only this one call.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        limits: Sequence[tuple[int, int]],
        ruleset: int | None,
        inheritable: Sequence[int],
    ) -> None:
        self._limits = [(kind, _capped(kind, value)) for kind, value in limits]
        self._ruleset = ruleset
        self._inheritable = inheritable
        self._parent = os.getpid()
        self._machine = _MACHINE
        self._path = ctypes.create_string_buffer(os.fsencode(argv[0]))
        self._argv = _strings(argv)
        self._environment = _strings([f"{name}={value}" for name, value in environment.items()])
        self._pointers = [ctypes.addressof(it) for it in (self._path, self._argv, self._environment)]
        self._failure = mmap.mmap(-1, 4)  # shared memory: the child writes the error number of execve here

    def __call__(self) -> None:
        assert _LIBC is not None
        for kind, value in self._limits:
            resource.setrlimit(kind, (value, value))
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._parent:  # the parent died before prctl: no death signal will come
            os._exit(1)
        for descriptor in self._inheritable:
            os.close(descriptor)
        _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self._ruleset is not None:
            _LIBC.syscall(RESTRICT_SELF, self._ruleset, 0)
        if self._machine not in MACHINES:
            return  # without a filter, subprocess calls exec
        code = build_filter(self._machine, os.getpid(), self._pointers)
        program = _FilterProgram(len(code) // 8, code)
        _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
        _LIBC.syscall(MACHINES[self._machine].execve, self._path, self._argv, self._environment)
        self._failure[:] = ctypes.get_errno().to_bytes(4, sys.byteorder)
        raise OSError

    @property
    def failure(self) -> int:
        """In the parent: the error number of the failed execve; 0 if it did not fail."""
        return int.from_bytes(self._failure[:], sys.byteorder)


@contextmanager
def confine(
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    memory_bytes: int,
    seconds: float,
) -> Iterator[Confinement | None]:
    """Prepare the confinement of a child process.

    As a side effect, children can no longer read the environment of this process.

    Args:
        argv: The command line. Arguments ``file:PATH`` name the files that the child may read.
        environment: The environment of the child.
        descriptors: The descriptors that the child inherits.
        memory_bytes: The limit of its address space.
        seconds: The time it may run, which limits its CPU time.

    Yields:
        The function to call between fork and exec; ``None`` on systems other than Linux.
    """
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
        yield Confinement(argv, environment, limits, ruleset, _other_inheritable(descriptors))


def hide_environment() -> None:
    """Prevent children, which run as the same user, from reading this process's environment in /proc."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _capped(kind: int, value: int) -> int:
    """Return `value`, or the hard limit of this process if that is lower."""
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _strings(texts: Sequence[str]) -> "ctypes.Array[ctypes.c_char_p]":
    return (ctypes.c_char_p * (len(texts) + 1))(*map(os.fsencode, texts), None)


def _other_inheritable(except_for: Sequence[int]) -> list[int]:
    """Return the other inheritable descriptors, such as those that C libraries opened."""
    found = []
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():  # noqa: PTH112, PTH208
        descriptor = int(name)
        try:
            if descriptor > 2 and descriptor not in except_for and os.get_inheritable(descriptor):
                found.append(descriptor)
        except OSError:  # closed meanwhile
            continue
    return found
