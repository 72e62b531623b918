"""Restrict the files that FFmpeg may read, by a Landlock ruleset (Linux 5.13 and later); it may write none.

https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

_CREATE_RULESET, _ADD_RULE, RESTRICT_SELF = 444, 445, 446  # on every architecture
_VERSION_FLAG: Final = 1
_PATH_BENEATH: Final = 1
_EXECUTE, _READ_FILE, _READ_DIRECTORY = 1 << 0, 1 << 2, 1 << 3

_ACCESS_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
"""The number of file access rights per Landlock ABI version; 16 from version 5 on."""

_SYSTEM: Final = (
    *("/lib", "/lib32", "/lib64", "/usr", "/opt", "/nix/store", "/gnu/store", "/var/lang", "/home/linuxbrew"),
    *("/etc/ld.so.cache", "/etc/localtime", "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo"),
    *("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
)
"""Paths that programs and their shared libraries need beside their own folder."""


@contextmanager
def reading_only(
    libc: ctypes.CDLL, binary: str, inputs: Iterable[str], descriptors: Sequence[int]
) -> Iterator[int | None]:
    """Create a ruleset that a child process applies to itself.

    It allows the process to run `binary`, and to read its libraries, the `inputs` and the open files
    `descriptors`. If `binary` is a script, everything may be read, since the needs of its interpreter are
    unknown.

    Yields:
        The file descriptor of the ruleset; ``None`` if the kernel has no Landlock.
    """
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    if version < 1:
        yield None
        return
    rights = (1 << _ACCESS_RIGHTS.get(version, 16)) - 1
    paths = _program_paths(binary)
    if paths is None:
        rights &= ~(_EXECUTE | _READ_FILE | _READ_DIRECTORY)
    network = 3 if version >= 4 else 0
    scopes = 3 if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("QQQ", rights, network, scopes)[:size]
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        yield None
        return
    try:
        if paths is not None:
            for path in (*paths, *inputs):
                with suppress(OSError):
                    _allow_path(libc, ruleset, path)
            for descriptor in descriptors:
                _allow(libc, ruleset, descriptor)
        yield ruleset
    finally:
        os.close(ruleset)


@cache
def _program_paths(binary: str) -> tuple[str, ...] | None:
    """Return the paths that an ELF program needs beside its input; ``None`` for any other file."""
    try:
        with Path(binary).open("rb") as file:
            if file.read(4) != b"\x7fELF":
                return None
    except OSError:
        return None
    folder = Path(binary).resolve().parent
    return tuple(path for path in (*_SYSTEM, str(folder), str(folder.parent / "lib")) if Path(path).exists())


def _allow_path(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _allow(libc, ruleset, descriptor)
    finally:
        os.close(descriptor)


def _allow(libc: ctypes.CDLL, ruleset: int, descriptor: int) -> None:
    """Allow reading the file or folder of the descriptor. Listing applies to folders only."""
    for rights in (_EXECUTE | _READ_FILE | _READ_DIRECTORY, _EXECUTE | _READ_FILE):
        rule = struct.pack("=Qi", rights, descriptor)
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) == 0:
            return
