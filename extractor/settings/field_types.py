"""Types of settings with a syntax of their own, validated when the settings are read."""

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from extractor.backends.notifications import target_kind
from extractor.backends.state import BACKENDS
from extractor.backends.state.columns import parse_columns
from extractor.domain.keys import template_fields
from extractor.domain.layout import parse_layout


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _checked_templates(templates: tuple[str, ...]) -> tuple[str, ...]:
    for template in templates:
        if set(template_fields(template)) - {"platform"} != {"code"}:
            raise ValueError(f"{template!r} must name {{code}}, and may name {{platform}}, and nothing else")
    return templates


def _check_state_backend(name: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"must be one of {', '.join(BACKENDS)}")
    return name


def _readable_by(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


KeyTemplates = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_checked_templates)]
"""Key templates of videos, separated by commas; see `extractor.domain.keys.video_keys`."""

LayoutText = Annotated[str, _readable_by(parse_layout)]
ColumnsText = Annotated[str, _readable_by(parse_columns)]

NotifyTarget = Annotated[str, _readable_by(target_kind)]
"""Where notifications are sent; see `extractor.backends.notifications.target_kind`."""

StateBackendName = Annotated[str, AfterValidator(_check_state_backend)]
"""A name in the registry of state stores."""
