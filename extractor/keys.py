"""Object keys: where a video lies and where its frames go. Pure."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import PurePosixPath
from string import Formatter

CODE_PATTERN = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
PLATFORM_PATTERN = r"[a-z0-9_-]{1,32}"
_PATTERNS = {"code": CODE_PATTERN, "platform": PLATFORM_PATTERN}

MANIFEST_NAME = "manifest.json"


def video_keys(templates: Sequence[str], code: str, platform: str | None) -> Iterator[str]:
    """The keys at which the video may lie, in the order of `templates`.

    A template that names the platform is passed over when there is none.
    """
    for template in templates:
        if platform is not None or "{platform}" not in template:
            yield template.format(code=code, platform=platform)


def identify(templates: Sequence[str], key: str) -> tuple[str | None, str] | None:
    """(platform, code) of the video at `key`; `None` if no template gives that key.

    A key that fits no template is identified by its file name without the ending.
    """
    for template in templates:
        if match := _template_regex(template).fullmatch(key):
            found = match.groupdict()
            return found.get("platform"), found["code"]
    stem = PurePosixPath(key).stem
    return (None, stem) if re.fullmatch(CODE_PATTERN, stem) else None


def template_fields(template: str) -> list[str]:
    """The names in braces. Raises `ValueError` for unbalanced braces."""
    return [field for _, field, _, _ in Formatter().parse(template) if field is not None]


@cache
def _template_regex(template: str) -> re.Pattern[str]:
    parts = [
        re.escape(literal) + (f"(?P<{field}>{_PATTERNS[field]})" if field else "")
        for literal, field, _, _ in Formatter().parse(template)
    ]
    return re.compile("".join(parts))


def frames_prefix(code: str, platform: str | None) -> str:
    """The folder of one video's frames, with its closing slash."""
    return f"{platform}/{code}/" if platform else f"{code}/"


def frame_key(prefix: str, index: int, extension: str) -> str:
    return f"{prefix}{index:06d}.{extension}"


def manifest_key(prefix: str) -> str:
    return prefix + MANIFEST_NAME
