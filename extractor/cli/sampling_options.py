"""The sampling options of the command lines, with the names, types and bounds of a message."""

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

_FIELDS = [name for name in VideoMessage.model_fields if name not in {"code", "platform", "bucket", "key"}]
_OF_THE_WORKER = "default: the setting of the worker"
_NO_DEFAULT = {
    "fps": "none; --interval is used",
    "timestamps_seconds": "none",
    "max_frames": "no limit",
    "scene_detector": "none; content with strategy scene",
    "scene_threshold": "that of the detector",
    "skip_similar": "no frame is skipped",
    "max_width": "none",
    "max_height": "none",
}


class _Group(Struct, frozen=True):
    """Adds options to an argument group.

    Attributes:
        target: The group.
        defaults: Defaults that the help texts name; ``None`` if the settings of the worker apply.
    """

    target: argparse._ActionsContainer
    defaults: SamplingPolicy | None

    def value(self, flag: str, field: str, metavar: str, text: str) -> None:
        """Add an option with the type and the bounds of a field of a message."""
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
    """Add the groups of sampling options. Options that are not given are ``None``.

    Args:
        parser: The parser.
        defaults: Defaults that the help texts name. ``None`` for options of messages: the settings of the
            worker apply, and there are no timestamps.
    """
    strategies = [name for name in STRATEGIES if defaults is not None or name != "timestamps"]
    which = parser.add_argument_group("frame selection")
    group = _Group(which, defaults)
    group.choice(
        "--strategy",
        "strategy",
        strategies,
        "a frame at every interval, all keyframes, or one frame of each scene"
        + ("; or frames at given times" if defaults is not None else ""),
    )
    rate = _Group(which.add_mutually_exclusive_group(), defaults)
    rate.value("--interval", "interval_seconds", "SECONDS", "seconds between frames")
    rate.value("--fps", "fps", "N", "frames per second, instead of an interval")
    if defaults is not None:
        group.times(
            "--timestamps",
            "timestamps_seconds",
            "times in seconds from the first frame; implies --strategy timestamps",
        )
    group.value("--max-frames", "max_frames", "N", "at most N frames per video")
    group.choice(
        "--max-frames-mode",
        "max_frames_mode",
        MAX_FRAMES_MODES,
        "the first N frames, or N frames spread evenly",
    )
    group.value(
        "--tolerance",
        "tolerance_seconds",
        "SECONDS",
        "allow a frame within this distance if it is cheaper to decode",
    )
    group.switch("--skip-blank", "skip_blank", "skip nearly uniform frames")
    group.value(
        "--skip-similar",
        "skip_similar",
        "BITS",
        "skip frames whose hash differs from the last one kept in at most BITS bits, 0-64",
    )
    group = _Group(parser.add_argument_group("analysis"), defaults)
    group.choice(
        "--scene-detector", "scene_detector", DETECTORS, "find scenes with this detector of PySceneDetect"
    )
    group.value("--scene-threshold", "scene_threshold", "X", "threshold of the detector")
    group.choice(
        "--scene-frame",
        "scene_frame",
        SCENE_FRAMES,
        "which frame of each scene to take (with --strategy scene)",
    )
    group.switch(
        "--measures",
        "measures",
        "add sharpness, brightness and perceptual hash of each frame to the manifest",
    )
    group = _Group(parser.add_argument_group("image output"), defaults)
    group.choice("--format", "image_format", IMAGE_FORMATS, "format of the images")
    group.value("--quality", "quality", "1-100", "quality of JPEG and WebP, on the scale of libjpeg")
    group.value("--max-width", "max_width", "PIXELS", "scale wider pictures down to this width")
    group.value("--max-height", "max_height", "PIXELS", "scale higher pictures down to this height")


def asked_for(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the given options, by the names of the fields of a message."""
    found = {name: getattr(arguments, name, None) for name in _FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def field_of_message(name: str) -> Callable[[str], object]:
    """Return an argument type with the type and the bounds of a field of a message."""

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
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of seconds such as 0,1.5,12") from error
