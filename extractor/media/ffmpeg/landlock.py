"""The files that FFmpeg may read, as a Landlock ruleset (Linux 5.13 and later). No file may be written.

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
"""How many rights to files each version knows; 16 from the fifth on."""

_SYSTEM: Final = (
    *("/lib", "/lib32", "/lib64", "/usr", "/opt", "/nix/store", "/gnu/store", "/var/lang", "/home/linuxbrew"),
    *("/etc/ld.so.cache", "/etc/localtime", "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo"),
    *("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
)
"""What a program and its shared libraries need beside their own folder."""


@contextmanager
def reading_only(
    libc: ctypes.CDLL, binary: str, inputs: Iterable[str], descriptors: Sequence[int]
) -> Iterator[int | None]:
    """A ruleset to restrict oneself with; `None` where there is no Landlock. It lets a process run `binary`,
    and read its libraries, the `inputs`, and the files behind `descriptors`.

    A script may read everything, since nobody can tell what its interpreter needs.
    """
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    if version < 1:
        yield None
        return
    rights = (1 << _ACCESS_RIGHTS.get(version, 16)) - 1
    paths = _needed_by(binary)
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
def _needed_by(binary: str) -> tuple[str, ...] | None:
    """What that program needs beside its input; `None` if it is none."""
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
    """Let what lies at or below the descriptor be read; a single file cannot be listed."""
    for rights in (_EXECUTE | _READ_FILE | _READ_DIRECTORY, _EXECUTE | _READ_FILE):
        rule = struct.pack("=Qi", rights, descriptor)
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) == 0:
            return
