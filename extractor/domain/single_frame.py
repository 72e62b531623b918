"""The options of a single frame: a time, and how the image is made. Pure: no I/O."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from extractor.domain.option import SamplingOption
from extractor.domain.option_checks import parsed, with_options
from extractor.domain.policy import SamplingPolicy
from extractor.domain.sampling_options import SAMPLING_OPTIONS

_BY_KEY: Final = {option.key: option for option in SAMPLING_OPTIONS}
_TIME: Final = _BY_KEY["start_seconds"]

IMAGE_OPTIONS: Final[Mapping[str, SamplingOption]] = {
    "width": _BY_KEY["max_width"],
    "height": _BY_KEY["max_height"],
    "format": _BY_KEY["image_format"],
    "quality": _BY_KEY["quality"],
}
"""The options of the image, by the names that they have for a single frame."""

NAMES: Final = ("at", *IMAGE_OPTIONS)
"""The names of all options of a single frame."""


def frame_policy(given: Mapping[str, str], defaults: SamplingPolicy) -> SamplingPolicy:
    """Return the policy that takes one frame: the first one at or after a time.

    Args:
        given: The options as texts, by their names. ``at`` is the time in seconds after the first frame; a
            negative one counts from the end of the video.
        defaults: Has the format, the quality and the largest size of an image without such options.

    Raises:
        ValueError: There is no time, or an option is unknown, wrong or without effect; the text names it.
    """
    if unknown := sorted(given.keys() - set(NAMES)):
        raise ValueError(f"unknown: {', '.join(map(repr, unknown))}; there are {', '.join(NAMES)}")
    if "at" not in given:
        raise ValueError("at: is missing; it is the time of the frame in seconds")
    images = {option.field: getattr(defaults, option.field) for option in IMAGE_OPTIONS.values()}
    policy = replace(_at(_value("at", _TIME, given["at"])), **images)
    options = [
        (option, _value(name, option, given[name])) for name, option in IMAGE_OPTIONS.items() if name in given
    ]
    return with_options(policy, options)


def _at(seconds: float) -> SamplingPolicy:
    if seconds < 0:
        return SamplingPolicy(start_seconds=seconds, max_frames=1)
    return SamplingPolicy(strategy="timestamps", timestamps_seconds=(abs(seconds),))


def _value(name: str, option: SamplingOption, text: str) -> Any:
    """Return the value of an option; one of a list of choices is checked with the policy."""
    if option.choices:
        return option.normalize(text) if option.normalize else text
    try:
        return parsed(option, text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
