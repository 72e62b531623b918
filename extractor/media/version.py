"""Which FFmpeg is at work."""

import time
from functools import cache

import imageio_ffmpeg

from extractor.errors import SettingsError
from extractor.media.process import Budget, running


def find_ffmpeg(override: str | None = None) -> str:
    """Path of the FFmpeg to use: `override`, or the one that pip installed with this project."""
    if override is not None:
        return override
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SettingsError(
            "FFMPEG_BINARY: no FFmpeg came with imageio-ffmpeg for this platform; name one here"
        ) from error


@cache
def ffmpeg_version(binary: str) -> str:
    """What `binary` calls itself, for instance ``7.0.2``; ``unknown`` if it does not say."""
    budget = Budget(deadline=time.monotonic() + 10, stall_seconds=10, memory_bytes=1 << 31)
    with running(lambda _: [binary, "-version"], (), budget) as child:
        words = (child.line("stdout") or b"").decode("ascii", "replace").split()
        child.wait()
    return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"
