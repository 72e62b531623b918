"""Find the FFmpeg executable."""

import os
import shutil
from pathlib import Path

import imageio_ffmpeg

from extractor.errors import SettingsError


def find_ffmpeg(override: str | None = None) -> str:
    """Return the absolute path of the FFmpeg to run.

    Args:
        override: A path or the name of a program (setting ``FFMPEG_BINARY``); ``None`` for the FFmpeg of the
            package imageio-ffmpeg.

    Raises:
        SettingsError: There is no such program.
    """
    if override is not None:
        if (program := shutil.which(override)) is None:
            raise SettingsError(f"FFMPEG_BINARY: {override!r} is not an executable program")
        return str(Path(program).absolute())
    # imageio_ffmpeg.get_ffmpeg_exe() runs the program first, which would delay a cold start.
    binaries = (Path(imageio_ffmpeg.__file__).parent / "binaries").glob("ffmpeg-*")
    found = [str(path) for path in binaries if os.access(path, os.X_OK)]
    if len(found) == 1:
        return found[0]
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SettingsError(
            "FFMPEG_BINARY: imageio-ffmpeg has no FFmpeg for this platform; set the path of one"
        ) from error
