"""Which FFmpeg is run."""

import os
import shutil
from pathlib import Path

import imageio_ffmpeg

from extractor.errors import SettingsError


def find_ffmpeg(override: str | None = None) -> str:
    """Path of the FFmpeg to use: `override`, or the one that pip installed with this project. Raises
    `SettingsError`."""
    if override is not None:
        if (program := shutil.which(override)) is None:
            raise SettingsError(f"FFMPEG_BINARY: {override!r} is no program that can be run")
        return str(Path(program).absolute())
    # imageio_ffmpeg.get_ffmpeg_exe() would run it first, which a cold start can do without.
    binaries = (Path(imageio_ffmpeg.__file__).parent / "binaries").glob("ffmpeg-*")
    found = [str(path) for path in binaries if os.access(path, os.X_OK)]
    if len(found) == 1:
        return found[0]
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SettingsError(
            "FFMPEG_BINARY: no FFmpeg came with imageio-ffmpeg for this platform; name one here"
        ) from error
