"""Object keys: where a video lies, and who it is. Pure. (Where its frames go: `extractor.domain.layout`.)"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import PurePosixPath
from string import Formatter
from urllib.parse import unquote_plus

from extractor.domain.jobs import SourceVideo
from extractor.domain.key_template import MAX_KEY_BYTES

CODE_PATTERN = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
PLATFORM_PATTERN = r"[a-z0-9_-]{1,32}"
BUCKET_PATTERN = r"[A-Za-z0-9.\-_]{3,255}"
_PATTERNS = {"code": CODE_PATTERN, "platform": PLATFORM_PATTERN}

MANIFEST_NAME = "manifest.json"

_MAX_NAME = 64
_DIGEST_DIGITS = 16


def video_keys(templates: Sequence[str], code: str, platform: str | None) -> Iterator[str]:
    """The keys at which the video may lie, in the order of `templates`.

    A template that names the platform is passed over when there is none.
    """
    for template in templates:
        if platform is not None or "{platform}" not in template:
            yield template.format(code=code, platform=platform)


def readings(key: str) -> Sequence[str]:
    """What the key of a message may mean: the key as it is, and, if that is another one, the key that it is
    when it was encoded as in an S3 event (a space is ``+``)."""
    try:
        decoded = unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        return [key]
    return [key] if decoded == key else [key, decoded]


def parse_video_key(templates: Sequence[str], key: str) -> tuple[str | None, str]:
    """(platform, code) of the video at `key`, by the first template that gives that key.

    A key that fits no template has no platform, and `derived_code`.
    """
    for template in templates:
        if match := _template_regex(template).fullmatch(key):
            found = match.groupdict()
            return found.get("platform"), found["code"]
    return None, derived_code(key)


def derived_code(key: str) -> str:
    """A code for a key that tells none: what its file is called, as far as a code may have those characters,
    and the start of the key's SHA-256, so that different keys have different codes."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", PurePosixPath(key).stem).strip("-")[:_MAX_NAME]
    digest = hashlib.sha256(key.encode()).hexdigest()[:_DIGEST_DIGITS]
    return f"{name}-{digest}" if name else digest


def content_id(source: SourceVideo) -> str:
    """What tells this content of this object from any other: SHA-256 (hex) of ``bucket|key|etag``, the ETag
    without quotes. What is not known (of a local file) is empty."""
    etag = (source.etag or "").strip('"')
    return hashlib.sha256(f"{source.bucket or ''}|{source.key}|{etag}".encode()).hexdigest()


def checked_key(key: str) -> str:
    """The key. Raises `ValueError` if it is longer than keys of S3 may be."""
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"is longer than {MAX_KEY_BYTES} bytes")
    return key


def template_fields(template: str) -> list[str]:
    """The names in braces. Raises `ValueError` for anything else in braces, and for unbalanced ones."""
    parts = [part for part in Formatter().parse(template) if part[1] is not None]
    if any(spec or conversion for _, _, spec, conversion in parts):
        raise ValueError(f"{template!r}: fields take no format here")
    return [field for _, field, _, _ in parts if field is not None]


@cache
def _template_regex(template: str) -> re.Pattern[str]:
    pattern, seen = "", set[str]()
    for literal, field, _, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if field:
            pattern += f"(?P={field})" if field in seen else f"(?P<{field}>{_PATTERNS[field]})"
            seen.add(field)
    return re.compile(pattern)
