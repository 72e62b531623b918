"""Keep command lines of FFmpeg for other files, since building one takes several milliseconds."""

from collections.abc import Callable, Hashable, Mapping
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, cast

from msgspec.structs import replace

from extractor.media.ffmpeg.decoder_input import DecoderInput, with_path

P = ParamSpec("P")

_MAX_TEMPLATES: Final = 64


def template(
    build: Callable[Concatenate[DecoderInput, P], list[str]],
) -> Callable[Concatenate[DecoderInput, P], list[str]]:
    """Keep the command lines of a builder, without the path of the input.

    ffmpeg-python takes several milliseconds for a command line, and few differ in more than the path.

    Args:
        build: Builds a command line for an input, as a template: see `with_path`.

    Returns:
        A function that returns the command line for the path of its input.
    """
    templates: dict[Hashable, list[str]] = {}

    @wraps(build)
    def build_once(source: DecoderInput, *args: P.args, **options: P.kwargs) -> list[str]:
        key = (replace(source, path=Path()), _frozen(args), _frozen(options))
        if key not in templates:
            if len(templates) == _MAX_TEMPLATES:
                templates.clear()
            templates[key] = build(source, *args, **options)
        return [with_path(argument, source.path) for argument in templates[key]]

    return cast("Callable[Concatenate[DecoderInput, P], list[str]]", build_once)


def _frozen(value: object) -> Hashable:
    """Return a hashable copy of an argument of a builder."""
    if isinstance(value, Mapping):
        return tuple((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    assert isinstance(value, Hashable)
    return value
