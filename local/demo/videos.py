"""The videos of the demo: the user's files, or generated clips."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.demo.clips import CLIPS, make_clips
from local.errors import VideoFileError

_LONGEST_CODE = 100


@dataclass(frozen=True, slots=True)
class DemoVideo:
    """A video; the fields with defaults are those of `local.demo.clips.Clip`."""

    code: str
    caption: str
    path: Path
    expected_reason: str | None = None
    shows_distinct: bool = False
    is_long: bool = False


def generated_videos(directory: Path) -> list[DemoVideo]:
    """Generate the demo's clips in `directory`."""
    paths = make_clips(directory)
    return [
        DemoVideo(clip.code, clip.caption, path, clip.expected_reason, clip.shows_distinct, clip.is_long)
        for clip, path in zip(CLIPS, paths, strict=True)
    ]


def given_videos(paths: Sequence[Path]) -> list[DemoVideo]:
    """Return the files, each with a unique code.

    Raises:
        VideoFileError: Files are missing; the message names all of them.
    """
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise VideoFileError(f"no such file: {', '.join(missing)}")
    codes = unique_codes([path.stem for path in paths])
    return [DemoVideo(code, path.name, path) for code, path in zip(codes, paths, strict=True)]


def unique_codes(names: Sequence[str]) -> list[str]:
    """Return a valid code per name, unique even on case-insensitive file systems."""
    codes: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:_LONGEST_CODE] or "video"
        candidates = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(names) + 1))
        code = next(candidate for candidate in candidates if candidate.lower() not in taken)
        taken.add(code.lower())
        codes.append(code)
    return codes
