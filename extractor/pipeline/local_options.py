"""The sampling options of the Python API. Their names, bounds and meaning are those of a message."""

import numbers
import operator
from collections.abc import Mapping, Sequence
from typing import TypedDict

from extractor.domain.option_checks import checked_policy, not_default, refuse_without_effect
from extractor.domain.policy import (
    Detector,
    ImageFormat,
    MaxFramesMode,
    SamplingPolicy,
    SceneFrame,
    Strategy,
)


class SamplingOptions(TypedDict, total=False):
    """Options by keyword, as in a message; see `SamplingPolicy`.

    Attributes:
        fps: Frames per second, instead of an interval in seconds.
        timestamps: Times in seconds after the first frame; implies the strategy ``timestamps``.
        frames: Numbers of frames, in presentation order from 0; negative ones count from the end of the
            video. Implies the strategy ``frames``.
        start: Take no frame before this time in seconds after the first frame; a negative time counts from
            the end of the video.
        end: Take no frame at or after this time, likewise.
        every_n_frames: Take every n-th frame.
        count: Take this number of frames, spread evenly in time.
        random: Take this number of frames at random.
        seed: The same seed takes the same frames at random.
        per_scene: Take this number of frames of each scene, spread evenly in time.
        max_frames_mode: ``first``: the first frames; ``spread``: frames spread evenly over the video.
        tolerance: How many seconds away a frame may be that costs less.
        scene_detector: How scenes are found: ``content``, ``adaptive``, ``threshold``, ``hash``,
            ``histogram`` or ``transnetv2``, which needs the extra ``learned``.
        scene_threshold: Of the detector, instead of its own.
        scene_frame: Which frame the strategy ``scene`` takes of each: ``first``, ``middle`` or ``sharpest``.
        measures: Whether each frame gets sharpness, brightness and a perceptual hash.
        skip_blank: Whether frames that show nothing are left out.
        skip_similar: Skip frames whose hash differs from the last one kept in at most this many bits.
        distinct: Keep at most this number of frames, those that differ most from each other.
        distinct_distance: Keep no two frames whose hashes differ in at most this many bits.
        format: ``jpg``, ``webp`` or ``png``.
        max_width: Scale wider pictures down to this width.
        max_height: Scale higher pictures down to this height.
    """

    fps: float
    timestamps: Sequence[float]
    frames: Sequence[int]
    start: float
    end: float
    every_n_frames: int
    count: int
    random: int
    seed: int
    per_scene: int
    max_frames_mode: MaxFramesMode
    tolerance: float
    scene_detector: Detector
    scene_threshold: float
    scene_frame: SceneFrame
    measures: bool
    skip_blank: bool
    skip_similar: int
    distinct: int
    distinct_distance: int
    format: ImageFormat
    max_width: int
    max_height: int


def requested_policy(
    frame_interval: float,
    quality: int,
    max_frames: int | None,
    strategy: Strategy,
    policy: SamplingPolicy | None,
    options: Mapping[str, object],
) -> SamplingPolicy:
    """Return the policy that a caller asks for, by options or as a whole.

    Args:
        frame_interval: Seconds between frames.
        quality: 1-100, on libjpeg's scale.
        max_frames: Maximum number; ``None`` for no limit.
        strategy: Which frames.
        policy: All of it; then no option may be given besides.
        options: More options, see `SamplingOptions`.

    Raises:
        TypeError: There is no such option.
        ValueError: An option is of the wrong kind, out of range or without effect, or given besides `policy`.
    """
    if unknown := options.keys() - SamplingOptions.__annotations__.keys():
        raise TypeError(f"there is no option {', '.join(sorted(unknown))}")
    base = SamplingPolicy(
        strategy=strategy,
        interval_seconds=_number("frame_interval", frame_interval),
        quality=_whole("quality", quality),
        max_frames=None if max_frames is None else _whole("max_frames", max_frames),
    )
    if policy is None:
        return _with_options(base, options)
    if options or not_default(base):
        raise ValueError("policy: excludes all other options of the sampling")
    return checked_policy(policy)


def _with_options(base: SamplingPolicy, options: Mapping[str, object]) -> SamplingPolicy:
    if "fps" in options and "interval_seconds" in not_default(base):
        raise ValueError("frame_interval and fps exclude each other")
    policy = _requested(base, options) if options else checked_policy(base)
    refuse_without_effect(policy, not_default(base))
    return policy


def _requested(base: SamplingPolicy, options: Mapping[str, object]) -> SamplingPolicy:
    from pydantic import ValidationError  # slow to import

    from extractor.domain.video_message import VideoMessage

    try:
        message = VideoMessage.model_validate({"code": "local", **options})
    except ValidationError as error:
        raise ValueError("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())) from error
    return message.applied_to(base)


def _whole(name: str, value: object) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type] # that is what it checks
    except TypeError as error:
        raise ValueError(f"{name}: must be a whole number, not {value!r}") from error


def _number(name: str, value: object) -> float:
    if not isinstance(value, numbers.Real):
        raise ValueError(f"{name}: must be a number, not {value!r}")  # noqa: TRY004 - as for any bad option
    return float(value)
