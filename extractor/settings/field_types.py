"""The settings that are written in a small language of their own: checked when they are read, so that a slip
is found at the start and not at the first video."""

import string
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from extractor.backends.state.columns import parse_columns
from extractor.domain.keys import template_fields
from extractor.domain.layout import parse_layout
from extractor.domain.policy import Detector
from extractor.errors import SettingsError

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"  # byte order mark, zero-width characters, soft hyphen
_QUOTATION_MARKS = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_AROUND = string.whitespace + "\u00a0\u2028\u2029\u202f" + _INVISIBLE + _QUOTATION_MARKS


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _checked_templates(templates: tuple[str, ...]) -> tuple[str, ...]:
    for template in templates:
        if set(template_fields(template)) - {"platform"} != {"code"}:
            raise ValueError(f"{template!r} must name {{code}}, and may name {{platform}}, and nothing else")
    return templates


def _readable_by(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


def pasted(setting: str, text: str) -> str:
    """A key or an address without what comes along when it is copied: white space, quotation marks, and
    characters that are not seen.

    Raises `SettingsError` that names the setting, and does not show its value, if anything else is in it than
    printable ASCII.
    """
    stripped = text.strip(_AROUND)
    if not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise SettingsError(f"{setting}: has characters that no key or address has; copy it again")
    return stripped


KeyTemplates = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_checked_templates)]
"""Keys of videos, separated by commas; see `extractor.domain.keys.video_keys`."""

LayoutText = Annotated[str, _readable_by(parse_layout)]
ColumnsText = Annotated[str, _readable_by(parse_columns)]

OptionalDetector = Annotated[Detector | None, BeforeValidator(lambda text: None if text == "none" else text)]
"""A detector of scenes; ``none`` is none, where one is the default."""
