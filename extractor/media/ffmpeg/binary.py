"""Find the FFmpeg executable."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

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
    if program := _packaged_program():
        return program
    import imageio_ffmpeg  # slow to import

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SettingsError(
            "FFMPEG_BINARY: imageio-ffmpeg has no FFmpeg for this platform; set the path of one"
        ) from error


def _packaged_program() -> str | None:
    """Return the program in the package imageio-ffmpeg; ``None`` if it has none or several.

    `imageio_ffmpeg.get_ffmpeg_exe` runs the program first, which would delay a cold start, as does the import
    of the package.
    """
    package = find_spec("imageio_ffmpeg")
    folders = package.submodule_search_locations or () if package else ()
    programs = (path for folder in folders for path in Path(folder, "binaries").glob("ffmpeg-*"))
    found = [str(path) for path in programs if os.access(path, os.X_OK)]
    return found[0] if len(found) == 1 else None
