"""A command line starts with few imports: each costs CPU time in every process."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.media import clips

ROOT = Path(__file__).parents[2]

_PROGRAM = """\
import sys
from extractor.__main__ import main
status = main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(status)
"""

_FOR_OTHER_USES = {
    "asyncio": "nothing",
    "boto3": "objects in S3",
    "botocore": "objects in S3",
    "concurrent.futures": "uploads",
    "cv2": "scenes and measures",
    "dataclasses": "nothing; values are structs",
    "dotenv": "objects in S3",
    "email": "HTTP",
    "filecmp": "conflicts between writers",
    "http": "HTTP",
    "httpx": "Supabase",
    "imageio_ffmpeg": "platforms for which it has no FFmpeg",
    "multiprocessing": "several videos at a time",
    "numpy": "scenes and measures",
    "pydantic": "messages and settings",
    "scenedetect": "scenes",
    "socket": "HTTP",
    "ssl": "HTTP",
    "statistics": "the strategy cover",
    "tqdm": "progress on a terminal",
}
"""Modules, and what needs them."""

_FOR_EXTRACTING = (
    "ctypes",
    "extractor.media.probe",
    "extractor.pipeline",
    "ffmpeg",
    "hashlib",
    "logging",
    "subprocess",
)


def _imported(*arguments: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(run.stderr.splitlines()[-1].split())


@pytest.fixture(scope="module")
def for_a_clip(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("start")
    video = clips.plain(folder / "short.mp4", 1)
    return _imported(str(video), "--out", str(folder / "frames"))


def test_a_short_clip_imports_only_what_its_extraction_needs(for_a_clip: set[str]) -> None:
    assert set(_FOR_OTHER_USES) & for_a_clip == set()


def test_the_help_imports_nothing_that_extracts(for_a_clip: set[str]) -> None:
    imported = _imported("--help")
    assert (set(_FOR_OTHER_USES) | set(_FOR_EXTRACTING)) & imported == set()
    assert set(_FOR_EXTRACTING) <= for_a_clip
