"""Parse the keys of frames, manifests and side files: the inverse of the layout. Pure: no I/O."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from msgspec import Struct

from extractor.domain.keys import CODE_PATTERN, MANIFEST_NAME, PLATFORM_PATTERN
from extractor.domain.layout import Layout
from extractor.domain.output_options import is_side_file
from extractor.domain.policy import IMAGE_FORMATS

TRASH = ".trash/"
"""Prefix of pruned objects. No platform and no code begins with a dot, so no layout gives such a key."""

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
    """The folder of one video's frames.

    Attributes:
        prefix: Its key prefix, with the closing slash.
        code: Code of the video, if the key contains it.
        platform: Platform of the video, if the key contains it.
    """

    prefix: str
    code: str | None = None
    platform: str | None = None


@dataclass(frozen=True)
class KeyParser:
    """Finds the folder that a key belongs to.

    Manifests are found under any layout; frames and side files only under this one.

    Attributes:
        layout: The layout of the frames.
    """

    layout: Layout

    def find(self, key: str) -> FrameFolder | None:
        """Return the folder of the key; ``None`` if it does not match the layout."""
        if key.startswith(TRASH):
            return None
        folder, slash, name = key.rpartition("/")
        side_file = is_side_file(name)
        for depth, folder_regex, key_regex in self._variants:
            in_folder = folder_regex.fullmatch(folder + slash) if side_file else None
            if found := in_folder or key_regex.fullmatch(key):
                prefix = "/".join([*key.split("/")[:depth], ""])
                known = found.groupdict()
                return FrameFolder(prefix, known.get("code"), known.get("platform"))
        return FrameFolder(folder + slash) if slash and name == MANIFEST_NAME else None

    @cached_property
    def _variants(self) -> tuple[tuple[int, re.Pattern[str], re.Pattern[str]], ...]:
        """Depth of the folder, regex of the folder and regex of the key: with a platform, and without."""
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


def own_outputs(layout: Layout, frames_bucket: str) -> Callable[[str, str], bool]:
    """Return a function that recognises, by bucket and key, the objects that this project writes.

    These are frames, side files and pruned objects.

    Args:
        layout: The layout of the frames.
        frames_bucket: Their bucket.
    """
    parser = KeyParser(layout)
    images = tuple(f".{extension}" for extension in IMAGE_FORMATS)

    def is_own_output(bucket: str, key: str) -> bool:
        if key.startswith(TRASH):
            return True
        return bucket == frames_bucket and (key.endswith(images) or parser.find(key) is not None)

    return is_own_output


def _regex(template: str) -> re.Pattern[str]:
    return re.compile("".join(_patterns(template)))


def _patterns(template: str) -> Iterator[str]:
    seen = set[str]()
    for literal, field, _, _ in Formatter().parse(template):
        yield re.escape(literal)
        if field:
            yield f"(?P={field})" if field in seen else f"(?P<{field}>{_PATTERNS[field]})"
            seen.add(field)
