"""The examples of docs/howto/migrate.md as values. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "migrate.md").read_text()

_BLOCK = re.compile(r"^ *```\w+ (\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_VIDEO = re.compile(r"s3://([^/]+)/(.+) of (?:random bytes|(\d+) s(?:, cut at (\d+) s)?)")
_FRAME = re.compile(r"(.+?)(?: at (\d+) s)?")


@dataclass(frozen=True, slots=True)
class Video:
    """An object that is there before. One without `seconds` cannot be decoded."""

    bucket: str
    key: str
    seconds: int | None
    cut_seconds: int | None


@dataclass(frozen=True, slots=True)
class Example:
    """What stands in one section. `frames` are keys, with times where they are told; ``…`` is any number of
    others."""

    settings: Mapping[str, str]
    videos: Sequence[Video]
    before: Sequence[Mapping[str, Any]]
    event: str
    frames: Sequence[tuple[str, int | None]]
    state: Sequence[Mapping[str, Any]]


def sections() -> dict[str, str]:
    """The text of each section that has an event, by its title."""
    found = (section.partition("\n") for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE))
    return {title: text for title, _, text in found if "```json event\n" in text}


def read_example(section: str) -> Example:
    """The example in the text of a section."""
    found = blocks(section)
    return Example(
        settings=dict(line.split("=", 1) for line in found["settings"].splitlines()),
        videos=[_video(line) for line in found["video"].splitlines()],
        before=list(_objects(found.get("before", ""))),
        event=found["event"],
        frames=[_frame(line) for line in found["frames"].splitlines()],
        state=list(_objects(found["state"])),
    )


def blocks(text: str) -> dict[str, str]:
    """The blocks of code in the text, by their names."""
    return dict(_BLOCK.findall(text))


def read_table(title: str) -> dict[str, str]:
    """The first table below the heading: what is in backticks in its first two columns."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", section, re.MULTILINE))


def _video(line: str) -> Video:
    found = _VIDEO.fullmatch(line)
    assert found is not None, line
    bucket, key, *numbers = found.groups()
    seconds, cut_seconds = (int(number) if number else None for number in numbers)
    return Video(bucket, key, seconds, cut_seconds)


def _frame(line: str) -> tuple[str, int | None]:
    found = _FRAME.fullmatch(line)
    assert found is not None, line
    return found[1], int(found[2]) if found[2] else None


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """JSON objects, one after the other."""
    while text := text.strip():
        value, end = json.JSONDecoder().raw_decode(text)
        yield value
        text = text[end:]
