"""Build a seccomp filter that denies FFmpeg the system calls that could do harm. Pure.

FFmpeg opens files for reading, writes to inherited descriptors, starts threads and allocates memory. System
calls that could harm other processes or the system are denied: they fail with EPERM.
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import struct
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from msgspec import Struct

# struct seccomp_data of <linux/seccomp.h>
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
# <linux/bpf_common.h>
_LOAD, _RETURN, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x20, 0x06, 0x15, 0x35, 0x45
_ALLOW, _NOT_PERMITTED, _NOT_IMPLEMENTED = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38

_X32_BIT: Final = 0x40000000
_CLONE_THREAD: Final = 0x00010000
_WRITING: Final = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
_PR_SET_PDEATHSIG: Final = 1
_TERMINAL_INPUT: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

_DENIED: Final = {
    "x86_64": (
        *(41, 53, 42, 49, 50, 43, 288),  # socket, socketpair, connect, bind, listen, accept, accept4
        *(322, 57, 58, 272, 308),  # execveat, fork, vfork, unshare, setns
        *(101, 310, 311, 312, 434, 438, 424, 440),  # ptrace, process_vm_*, kcmp, pidfd_*, process_madvise
        *(200, 129, 297),  # tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
        *(165, 166, 155, 161, 430, 431, 432, 433, 429, 428, 442, 167, 168),  # mounts, chroot, swap
        *(87, 263, 84, 82, 264, 316, 86, 265, 88, 266),  # unlink, rmdir, rename, link, symlink, …at
        *(83, 258, 133, 259, 85, 76, 77),  # mkdir, mknod, creat, truncate
        *(90, 91, 268, 452, 92, 94, 93, 260),  # chmod, chown
        *(188, 189, 190, 197, 198, 199, 132, 235, 261, 280),  # attributes, times
        *(321, 298, 250, 248, 249, 425, 426, 427, 323),  # bpf, perf, keys, io_uring, userfaultfd
        *(246, 320, 175, 313, 176, 169, 163, 179, 443),  # kexec, modules, reboot, acct, quotactl
        *(164, 227, 305, 159, 170, 171, 172, 173, 154, 135),  # clocks, names, ports, personality
        *(304, 300, 103, 153, 212, 180),  # open_by_handle_at, fanotify, syslog, vhangup
        *(29, 30, 68, 64, 240),  # System V and POSIX IPC
        *(141, 144, 142, 314, 203, 251, 256, 279),  # priorities, affinity and pages of other processes
    ),
    "aarch64": (
        *(198, 199, 203, 200, 201, 202, 242),
        *(281, 97, 268),
        *(117, 270, 271, 272, 434, 438, 424, 440),
        *(130, 138, 240),
        *(40, 39, 41, 51, 430, 431, 432, 433, 429, 428, 442, 224, 225),
        *(35, 38, 276, 37, 36),
        *(34, 33, 45, 46),
        *(52, 53, 452, 55, 54),
        *(5, 6, 7, 14, 15, 16, 88),
        *(280, 241, 219, 217, 218, 425, 426, 427, 282),
        *(104, 294, 105, 273, 106, 142, 89, 60, 443),
        *(170, 112, 266, 171, 161, 162, 92),
        *(265, 262, 116, 58, 18, 42),
        *(194, 196, 186, 190, 180),
        *(140, 119, 118, 274, 122, 30, 238, 239),
    ),
}
_UNSUPPORTED: Final = (
    435,
    437,
)  # clone3, openat2: a filter cannot read their structures. On ENOSYS, libc uses others


class Machine(Struct, frozen=True):
    """Numbers of the system calls whose arguments are checked; `open` is ``None`` without such a call."""

    architecture: int
    execve: int
    clone: int
    open: int | None
    openat: int
    kill: int
    tgkill: int
    prctl: int
    prlimit64: int
    ioctl: int


MACHINES: Final = {
    "x86_64": Machine(0xC000003E, 59, 56, 2, 257, 62, 234, 157, 302, 16),
    "aarch64": Machine(0xC00000B7, 221, 220, None, 56, 129, 131, 167, 261, 29),
}

_Step = tuple[int, int, int, int]
"""A BPF instruction: operation, instructions to skip if true, if false, operand."""


def build_filter(machine: str, pid: int, execve_arguments: Sequence[int]) -> bytes:
    """Build the BPF program for one process.

    Args:
        machine: The architecture, a key of `MACHINES`.
        pid: The process. It may send signals only to itself.
        execve_arguments: The three pointers with which the process may call execve. An attacker who controls
            FFmpeg cannot repeat the call, since the kernel randomises the addresses.

    Returns:
        An array of ``struct sock_filter``.
    """
    calls = MACHINES[machine]
    steps = (*_own_process(calls, pid), *_one_execve(calls, execve_arguments), (_RETURN, 0, 0, _ALLOW))
    return _fixed_part(machine) + b"".join(struct.pack("HBBI", *step) for step in steps)


@cache
def _fixed_part(machine: str) -> bytes:
    return b"".join(struct.pack("HBBI", *step) for step in _fixed_steps(machine))


def _fixed_steps(machine: str) -> Iterator[_Step]:
    calls = MACHINES[machine]
    yield (_LOAD, 0, 0, _ARCHITECTURE)
    yield from _refuse_unless_equal(calls.architecture)
    yield (_LOAD, 0, 0, _NUMBER)
    yield (_IF_AT_LEAST, 0, 1, _X32_BIT)
    yield (_RETURN, 0, 0, _NOT_PERMITTED)
    for numbers, answer in ((_DENIED[machine], _NOT_PERMITTED), (_UNSUPPORTED, _NOT_IMPLEMENTED)):
        for number in numbers:
            yield (_IF_EQUAL, 0, 1, number)
            yield (_RETURN, 0, 0, answer)
    yield from _call(calls.clone, 0, [(_IF_ANY_BIT, 1, 0, _CLONE_THREAD), (_RETURN, 0, 0, _NOT_PERMITTED)])
    no_writing: list[_Step] = [(_IF_ANY_BIT, 0, 1, _WRITING), (_RETURN, 0, 0, _NOT_PERMITTED)]
    if calls.open is not None:
        yield from _call(calls.open, 1, no_writing)
    yield from _call(calls.openat, 2, no_writing)
    yield from _call(calls.prctl, 0, [(_IF_EQUAL, 0, 1, _PR_SET_PDEATHSIG), (_RETURN, 0, 0, _NOT_PERMITTED)])
    either, other = _TERMINAL_INPUT
    yield from _call(
        calls.ioctl,
        1,
        [(_IF_EQUAL, 1, 0, either), (_IF_EQUAL, 0, 1, other), (_RETURN, 0, 0, _NOT_PERMITTED)],
    )


def _own_process(calls: Machine, pid: int) -> Iterator[_Step]:
    """Allow signals and resource limits only for the process itself."""
    for number in (calls.kill, calls.tgkill):
        yield from _call(number, 0, _refuse_unless_equal(pid))
    yield from _call(calls.prlimit64, 0, [(_IF_EQUAL, 2, 0, 0), *_refuse_unless_equal(pid)])


def _one_execve(calls: Machine, pointers: Sequence[int]) -> Iterator[_Step]:
    checks: list[_Step] = []
    for position, pointer in enumerate(pointers):
        for half, value in ((0, pointer & 0xFFFFFFFF), (4, pointer >> 32)):
            checks += [
                (_LOAD, 0, 0, _ARGUMENTS + 8 * position + half),
                *_refuse_unless_equal(value),
            ]
    yield from _call(calls.execve, 0, checks)


def _refuse_unless_equal(value: int) -> list[_Step]:
    return [(_IF_EQUAL, 1, 0, value), (_RETURN, 0, 0, _NOT_PERMITTED)]


def _call(number: int, argument: int, checks: Sequence[_Step]) -> Iterator[_Step]:
    """For one system call: check the lower 32 bits of an argument, and allow the call if the checks pass."""
    yield (_IF_EQUAL, 0, len(checks) + 2, number)
    yield (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)
    yield from checks
    yield (_RETURN, 0, 0, _ALLOW)
