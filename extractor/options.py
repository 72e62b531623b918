"""The sampling options of the command lines. Their names, bounds and meaning are those of a message."""

import argparse
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from extractor.messages import VideoMessage
from extractor.policy import DETECTORS, IMAGE_FORMATS, MAX_FRAMES_MODES, SCENE_FRAMES, STRATEGIES

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


def add_sampling_options(parser: argparse.ArgumentParser, *, with_timestamps: bool) -> None:
    """Add a group of options, none of which has a default: what is not given is not asked for."""
    group = parser.add_argument_group("which frames")
    strategies = [name for name in STRATEGIES if with_timestamps or name != "timestamps"]
    group.add_argument(
        "--strategy",
        choices=strategies,
        help="a frame at every interval, every keyframe, one of each scene, or given times",
    )
    rate = group.add_mutually_exclusive_group()
    _add(rate, "--interval", "interval_seconds", "SECONDS", "seconds between frames")
    _add(rate, "--fps", "fps", "N", "frames per second, instead of an interval")
    if with_timestamps:
        group.add_argument(
            "--timestamps",
            dest="timestamps_seconds",
            metavar="S,S,…",
            type=_times,
            help="times in seconds after the first frame; implies the strategy timestamps",
        )
    _add(group, "--max-frames", "max_frames", "N", "at most N frames of a video")
    group.add_argument(
        "--max-frames-mode", choices=MAX_FRAMES_MODES, help="the first N, or N spread evenly over the video"
    )
    _add(group, "--tolerance", "tolerance_seconds", "SECONDS", "take a cheaper frame if one is so near")
    yes: dict[str, Any] = {"action": "store_const", "const": True}
    group.add_argument("--skip-blank", **yes, help="leave out frames that show nothing")
    _add(group, "--skip-similar", "skip_similar", "BITS", "leave out frames so like the last one kept, 0-64")
    group = parser.add_argument_group("what is found out besides")
    group.add_argument("--scene-detector", choices=DETECTORS, help="find the scenes, as PySceneDetect does")
    _add(group, "--scene-threshold", "scene_threshold", "X", "of the detector, instead of its own")
    group.add_argument(
        "--scene-frame", choices=SCENE_FRAMES, help="which frame stands for a scene (strategy scene)"
    )
    group.add_argument("--measures", **yes, help="sharpness, brightness and a perceptual hash of each frame")
    group = parser.add_argument_group("in what form")
    group.add_argument("--format", choices=IMAGE_FORMATS, dest="image_format", help="of the images")
    _add(group, "--quality", "quality", "1-100", "of JPEG and WebP, as libjpeg counts")
    _add(group, "--max-width", "max_width", "PIXELS", "shrink wider pictures to this")
    _add(group, "--max-height", "max_height", "PIXELS", "shrink higher pictures to this")


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


def _add(group: argparse._ActionsContainer, flag: str, name: str, metavar: str, text: str) -> None:
    group.add_argument(flag, dest=name, metavar=metavar, type=field_of_message(name), help=text)


def _times(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of seconds such as 0,1.5,12") from error
