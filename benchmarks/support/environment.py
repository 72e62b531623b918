"""Describe the machine and the versions of a measurement, without names and dates."""

import os
import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import imageio_ffmpeg


def describe_machine() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return f"{os.cpu_count()} × {_processor()}, {memory:.0f} GB, {platform.system()} {platform.machine()}"


def describe_versions(packages: Iterable[str]) -> str:
    """Return the versions of Python, FFmpeg and the given packages, if installed."""
    found = [f"Python {platform.python_version()}", f"FFmpeg {imageio_ffmpeg.get_ffmpeg_version()}"]
    return ", ".join([*found, *_installed(packages)])


def _installed(packages: Iterable[str]) -> Iterator[str]:
    for package in dict.fromkeys(packages):
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package} not installed"


def _processor() -> str:
    """Return the processor model: from a file on Linux, from `platform` elsewhere."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
