"""Keys of source videos and their codes. Pure: no I/O. For keys of frames see `extractor.domain.layout`."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import PurePosixPath
from string import Formatter
from urllib.parse import unquote_plus

from extractor.domain.jobs import SourceVideo

CODE_PATTERN = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
PLATFORM_PATTERN = r"[a-z0-9_-]{1,32}"
BUCKET_PATTERN = r"[A-Za-z0-9.\-_]{3,255}"
_PATTERNS = {"code": CODE_PATTERN, "platform": PLATFORM_PATTERN}

MANIFEST_NAME = "manifest.json"

MAX_KEY_BYTES = 1024
"""Limit of S3."""

_MAX_NAME = 64
_DIGEST_DIGITS = 16


def video_keys(templates: Sequence[str], code: str, platform: str | None) -> Iterator[str]:
    """Yield the possible keys of a video, in the order of `templates`.

    Templates with ``{platform}`` are skipped for a video without a platform.
    """
    for template in templates:
        if platform is not None or "{platform}" not in template:
            yield template.format(code=code, platform=platform)


def readings(key: str) -> Sequence[str]:
    """Return the possible meanings of a key in a message.

    They are the key itself and, if it differs, the key decoded as in an S3 event (``+`` for a space).
    """
    try:
        decoded = unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        return [key]
    return [key] if decoded == key else [key, decoded]


def parse_video_key(templates: Sequence[str], key: str) -> tuple[str | None, str]:
    """Return platform and code of the video at `key`, by the first template that matches.

    A key that matches no template has no platform and the `derived_code`.
    """
    for template in templates:
        if match := _template_regex(template).fullmatch(key):
            found = match.groupdict()
            return found.get("platform"), found["code"]
    return None, derived_code(key)


def derived_code(key: str) -> str:
    """Return a code for a key that contains none.

    It consists of the allowed characters of the file name and the start of the key's SHA-256, so that
    different keys have different codes.
    """
    name = re.sub(r"[^A-Za-z0-9_]+", "-", PurePosixPath(key).stem).strip("-")[:_MAX_NAME]
    digest = hashlib.sha256(key.encode()).hexdigest()[:_DIGEST_DIGITS]
    return f"{name}-{digest}" if name else digest


def content_id(source: SourceVideo) -> str:
    """Return the id of this version of an object: SHA-256 (hex) of ``bucket|key|etag``.

    The ETag is without quotes; unknown parts (of a local file) are empty.
    """
    etag = (source.etag or "").strip('"')
    return hashlib.sha256(f"{source.bucket or ''}|{source.key}|{etag}".encode()).hexdigest()


def checked_key(key: str) -> str:
    """Return the key.

    Raises:
        ValueError: It is longer than S3 allows.
    """
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"is longer than {MAX_KEY_BYTES} bytes")
    return key


def template_fields(template: str) -> list[str]:
    """Return the field names of a template of video keys.

    Raises:
        ValueError: Braces are unbalanced, or a field has a format.
    """
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
