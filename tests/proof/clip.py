"""The video of the crash table: three pictures of 64x48, made by the FFmpeg that the project pins."""

from pathlib import Path

from tests.proof.crash import Clip
from tests.support.media import clips


def make_clip(directory: Path) -> Clip:
    path = directory / "three.mp4"
    clips.plain(path, 0.6, pictures="testsrc2=size=64x48:rate=5")
    return Clip(path.read_bytes())
