"""The sampling options of the command lines. Their names, bounds and meaning are those of a message."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from extractor.domain.messages import VideoMessage
from extractor.domain.policy import (
    DETECTORS,
    IMAGE_FORMATS,
    MAX_FRAMES_MODES,
    SCENE_FRAMES,
    STRATEGIES,
    SamplingPolicy,
)

_FIELDS = (
    "strategy",
    "interval_seconds",
    "fps",
    "timestamps_seconds",
    "max_frames",
    "max_frames_mode",
    "tolerance_seconds",
    "scene_detector",
    "scene_threshold",
    "scene_frame",
    "measures",
    "skip_blank",
    "skip_similar",
    "quality",
    "image_format",
    "max_width",
    "max_height",
)
_OF_THE_WORKER = "default: the worker's own setting"
_NO_DEFAULT = {
    "fps": "none, --interval counts",
    "timestamps_seconds": "none",
    "max_frames": "no limit",
    "scene_detector": "none; content with strategy scene",
    "scene_threshold": "the detector's own",
    "skip_similar": "none is left out",
    "max_width": "none",
    "max_height": "none",
}


class _Group(Struct, frozen=True):
    """Adds options to `target`. With `defaults` each help names its own; without, the worker's hold."""

    target: argparse._ActionsContainer
    defaults: SamplingPolicy | None

    def value(self, flag: str, field: str, metavar: str, text: str) -> None:
        """An option with the type and the bounds of that field of a message."""
        self._add(flag, field, text, metavar=metavar, type=field_of_message(field))

    def choice(self, flag: str, field: str, choices: Sequence[str], text: str) -> None:
        self._add(flag, field, text, choices=choices)

    def switch(self, flag: str, field: str, text: str) -> None:
        self._add(flag, field, text, action="store_const", const=True)

    def times(self, flag: str, field: str, text: str) -> None:
        self._add(flag, field, text, metavar="S,S,…", type=_times)

    def _add(self, flag: str, field: str, text: str, **how: Any) -> None:
        self.target.add_argument(flag, dest=field, help=f"{text} ({self._default(field)})", **how)

    def _default(self, field: str) -> str:
        if self.defaults is None:
            return _OF_THE_WORKER
        if field in _NO_DEFAULT:
            return f"default: {_NO_DEFAULT[field]}"
        value = getattr(self.defaults, field)
        if isinstance(value, float):
            return f"default: {value:g}"
        return "default: no" if value is False else f"default: {value}"


def add_sampling_options(parser: argparse.ArgumentParser, *, defaults: SamplingPolicy | None) -> None:
    """Add groups of options that hold `None` unless they are given. Without `defaults` they are for
    messages: timestamps are not among them, and each help says that the worker's settings hold."""
    strategies = [name for name in STRATEGIES if defaults is not None or name != "timestamps"]
    which = parser.add_argument_group("which frames")
    group = _Group(which, defaults)
    group.choice(
        "--strategy",
        "strategy",
        strategies,
        "a frame at every interval, every keyframe, one of each scene"
        + (", or given times" if defaults is not None else ""),
    )
    rate = _Group(which.add_mutually_exclusive_group(), defaults)
    rate.value("--interval", "interval_seconds", "SECONDS", "seconds between frames")
    rate.value("--fps", "fps", "N", "frames per second, instead of an interval")
    if defaults is not None:
        group.times(
            "--timestamps",
            "timestamps_seconds",
            "times in seconds after the first frame; implies the strategy timestamps",
        )
    group.value("--max-frames", "max_frames", "N", "at most N frames of a video")
    group.choice(
        "--max-frames-mode",
        "max_frames_mode",
        MAX_FRAMES_MODES,
        "the first N, or N spread evenly over the video",
    )
    group.value("--tolerance", "tolerance_seconds", "SECONDS", "take a cheaper frame if one is so near")
    group.switch("--skip-blank", "skip_blank", "leave out frames that show nothing")
    group.value("--skip-similar", "skip_similar", "BITS", "leave out frames so like the last one kept, 0-64")
    group = _Group(parser.add_argument_group("what is found out besides"), defaults)
    group.choice("--scene-detector", "scene_detector", DETECTORS, "find the scenes, as PySceneDetect does")
    group.value("--scene-threshold", "scene_threshold", "X", "of the detector, instead of its own")
    group.choice(
        "--scene-frame", "scene_frame", SCENE_FRAMES, "which frame stands for a scene (strategy scene)"
    )
    group.switch("--measures", "measures", "sharpness, brightness and a perceptual hash of each frame")
    group = _Group(parser.add_argument_group("in what form"), defaults)
    group.choice("--format", "image_format", IMAGE_FORMATS, "of the images")
    group.value("--quality", "quality", "1-100", "of JPEG and WebP, as libjpeg counts")
    group.value("--max-width", "max_width", "PIXELS", "shrink wider pictures to this")
    group.value("--max-height", "max_height", "PIXELS", "shrink higher pictures to this")


def asked_for(arguments: argparse.Namespace) -> dict[str, object]:
    """The options that were given, by the names of a message's fields."""
    found = {name: getattr(arguments, name, None) for name in _FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def field_of_message(name: str) -> Callable[[str], object]:
    """An argument with the type and the bounds of that field of a message."""

    def convert(text: str) -> object:
        try:
            message = VideoMessage.model_validate({"code": "any", name: text}, strict=False)
        except ValidationError as error:
            raise argparse.ArgumentTypeError("; ".join(item["msg"] for item in error.errors())) from error
        return getattr(message, name)

    return convert


def _times(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of seconds such as 0,1.5,12") from error
