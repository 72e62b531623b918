"""A generated video of 10 MB, which is repeated in larger ones."""

from pathlib import Path
from typing import Final

from benchmarks.support.synthetic import scenery
from tests.support.media import clips

_SECONDS: Final = 20


def repeated_clip(folder: Path, megabytes: int) -> tuple[Path, int]:
    """Return a video of about this size, and its length in seconds. It is kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    first = folder / "10.mp4"
    if not first.exists():
        clips.ffmpeg(
            f"-filter_complex {scenery(1280, 720, 25, _SECONDS)} -c:v libx264 -preset veryfast -b:v 4M"
            " -movflags +faststart {0}",
            first,
        )
    repetitions = round(megabytes / 10)
    video = folder / f"{megabytes}.mp4"
    if not video.exists():
        arguments = f"-stream_loop {repetitions - 1} -i {{0}} -c copy -movflags +faststart {{1}}"
        clips.ffmpeg(arguments, first, video)
    return video, repetitions * _SECONDS
