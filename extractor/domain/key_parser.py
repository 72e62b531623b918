"""Whose frame or manifest is it? The layout read backwards: from keys to videos. Pure.

What no layout makes is nobody's: it is passed over by every command.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from msgspec import Struct

from extractor.domain.keys import CODE_PATTERN, MANIFEST_NAME, PLATFORM_PATTERN
from extractor.domain.layout import Layout
from extractor.domain.policy import IMAGE_FORMATS

TRASH = ".trash/"
"""Where pruned objects go. No platform and no code begins with a dot, so no layout leads here."""

_BESIDE_FRAMES = re.compile(
    r"manifest\.json|interim\.json|frames\.tar|contact-sheet\.jpg|sprite-[a-z]\.jpg|storyboard\.vtt"
)
_PATTERNS = {
    "platform": PLATFORM_PATTERN,
    "code": CODE_PATTERN,
    "video_id": "[0-9a-f]{64}",
    "interval": r"\d+(?:\.\d+)?",
    "ext": "|".join(IMAGE_FORMATS),
    "index": r"\d+",
    "number": r"\d+",
    "slot": r"\d+",
    "seconds": r"-?\d+(?:\.\d+)?",
    "pts_seconds": r"-?\d+(?:\.\d+)?",
}


class FrameFolder(Struct, frozen=True):
    """The folder of one video's frames, with its closing slash; who it is, as far as the key tells."""

    prefix: str
    code: str | None = None
    platform: str | None = None


@dataclass(frozen=True)
class KeyParser:
    """Finds the place of a key. A manifest has one under any layout; a frame, and what else the worker puts
    beside frames, only under this one."""

    layout: Layout

    def find(self, key: str) -> FrameFolder | None:
        """`None` for what is none of ours."""
        if key.startswith(TRASH):
            return None
        folder, slash, name = key.rpartition("/")
        beside = _BESIDE_FRAMES.fullmatch(name)
        for depth, folder_regex, key_regex in self._variants:
            in_folder = beside and folder_regex.fullmatch(folder + slash)
            if found := in_folder or key_regex.fullmatch(key):
                prefix = "/".join([*key.split("/")[:depth], ""])
                known = found.groupdict()
                return FrameFolder(prefix, known.get("code"), known.get("platform"))
        return FrameFolder(folder + slash) if slash and name == MANIFEST_NAME else None

    @cached_property
    def _variants(self) -> tuple[tuple[int, re.Pattern[str], re.Pattern[str]], ...]:
        """How deep the folder lies, what it looks like, and the whole key: with a platform, and without."""
        return tuple(self._variant(platform) for platform in ("p", None))

    def _variant(self, platform: str | None) -> tuple[int, re.Pattern[str], re.Pattern[str]]:
        frame_keys = self.layout.frame_keys(
            code="c", platform=platform, video_id="0", interval_seconds=1, extension="jpg"
        )
        depth = frame_keys.prefix.count("/")
        segments = [
            segment for segment in self.layout.template.split("/") if platform or "{platform" not in segment
        ]
        folder = "".join(segment + "/" for segment in segments[:depth])
        return depth, _regex(folder), _regex("/".join(segments))


def _regex(template: str) -> re.Pattern[str]:
    return re.compile("".join(_pieces(template)))


def _pieces(template: str) -> Iterator[str]:
    seen = set[str]()
    for literal, field, _, _ in Formatter().parse(template):
        yield re.escape(literal)
        if field:
            yield f"(?P={field})" if field in seen else f"(?P<{field}>{_PATTERNS[field]})"
            seen.add(field)
