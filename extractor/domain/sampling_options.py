"""The table of sampling options. To add an option, add a field to `SamplingPolicy` and an entry here.

Messages (`extractor.domain.video_message`), settings (`extractor.settings.sampling`), command lines
(`extractor.cli.sampling_options`) and checks (`extractor.domain.option_checks`) are made from the table, in
its order.
"""

from typing import Any

from extractor.domain.option import SamplingOption, sampling_option, strategy_option
from extractor.domain.policy import DEFAULT_DETECTOR, SamplingPolicy


def _without_dot(value: object) -> object:
    return value.lower().removeprefix(".").replace("jpeg", "jpg") if isinstance(value, str) else value


def _is_empty(policy: SamplingPolicy) -> str | None:
    """Return why no time is between `start` and `end`, if that does not depend on the video."""
    start, end = policy.start_seconds or 0.0, policy.end_seconds
    if end is None or (start < 0) != (end < 0) or end > start:
        return None
    return f"must be after the start, {start:g}, not {end:g}"


_PART: dict[str, Any] = {
    "one_video": True,
    "group": "frame selection",
    "metavar": "SECONDS",
    "minimum": -1_000_000_000,
    "maximum": 1_000_000_000,
    "strategies": ("uniform", "keyframe", "scene", "cover", "every_n_frames", "count", "random", "per_scene"),
    "strategies_text": "only {} can take a part of a video",
}
"""What `start` and `end` have in common."""

_NUMBER: dict[str, Any] = {
    "one_video": True,
    "group": "frame selection",
    "metavar": "N",
    "no_default": "none",
    "minimum": 1,
    "maximum": 1_000_000_000,
}
"""What the options have in common that choose a strategy by a number."""

_OPTIONS = (
    sampling_option(
        "interval_seconds",
        name="interval",
        aliases=("frame_interval",),
        setting="frame_interval",
        help="seconds between frames",
        setting_help="seconds between frames (uniform)",
        group="frame selection",
        metavar="SECONDS",
        above=0,
        minimum=1e-6,
        maximum=86_400,
        strategies=("uniform",),
        strategies_text="only {} has an interval",
    ),
    sampling_option(
        "fps",
        field="interval_seconds",
        convert=lambda fps: 1 / fps,
        setting="extract_fps",
        help="frames per second, instead of an interval",
        setting_help="frames per second (uniform), instead of FRAME_INTERVAL",
        group="frame selection",
        metavar="N",
        no_default="none; --interval is used",
        above=0,
        maximum=1_000,
        strategies=("uniform",),
        strategies_text="only {} has an interval",
    ),
    sampling_option(
        "timestamps_seconds",
        name="timestamps",
        one_video=True,
        help="times in seconds from the first frame; implies --strategy timestamps",
        group="frame selection",
        metavar="S,S,…",
        no_default="none",
        minimum=0,
        maximum=1e9,
        max_items=10_000,
        implied_strategy="timestamps",
    ),
    sampling_option(
        "frames",
        one_video=True,
        help="numbers of frames, from 0; -1 is the last one (--frames=-1,0 if the first is negative);"
        " implies --strategy frames",
        group="frame selection",
        metavar="N,N,…",
        no_default="none",
        minimum=-1_000_000_000,
        maximum=1_000_000_000,
        max_items=10_000,
        implied_strategy="frames",
    ),
    sampling_option(
        "start_seconds",
        name="start",
        help="take no frame before this time after the first frame; negative: before the end of the video",
        no_default="the beginning",
        **_PART,
    ),
    sampling_option(
        "end_seconds",
        name="end",
        help="take no frame at or after this time; negative: before the end of the video",
        no_default="the end",
        invalid=_is_empty,
        **_PART,
    ),
    sampling_option(
        "every_n_frames",
        help="every N-th frame; implies the strategy of the same name",
        implied_strategy="every_n_frames",
        **_NUMBER,
    ),
    sampling_option(
        "count",
        help="N frames spread evenly in time; implies the strategy of the same name",
        implied_strategy="count",
        **_NUMBER,
    ),
    sampling_option(
        "random",
        help="N frames at random; implies the strategy of the same name",
        implied_strategy="random",
        **_NUMBER,
    ),
    sampling_option(
        "seed",
        one_video=True,
        help="the same seed takes the same frames at random",
        group="frame selection",
        metavar="N",
        minimum=0,
        maximum=1_000_000_000,
        strategies=("random",),
        strategies_text="only {} has a seed",
    ),
    sampling_option(
        "per_scene",
        help="N frames of each scene, spread evenly in time; implies the strategy of the same name",
        implied_strategy="per_scene",
        **_NUMBER,
    ),
    sampling_option(
        "max_frames",
        help="at most N frames per video",
        setting_help="maximum number of frames; empty: no limit",
        group="frame selection",
        metavar="N",
        no_default="no limit",
        minimum=1,
    ),
    sampling_option(
        "max_frames_mode",
        help="the first N frames, or N frames spread evenly",
        setting_help="first: the first MAX_FRAMES frames; spread: evenly over the video",
        group="frame selection",
        unused=lambda policy: "max_frames sets no limit" if policy.max_frames is None else None,
    ),
    sampling_option(
        "tolerance_seconds",
        name="tolerance",
        help="allow a frame within this distance if it is cheaper to decode",
        setting_help="seconds from the sample time within which a cheaper frame may be taken",
        group="frame selection",
        metavar="SECONDS",
        minimum=0,
        maximum=86_400,
        strategies=("uniform", "timestamps"),
        strategies_text="only {} have exact times",
    ),
    sampling_option(
        "skip_blank",
        help="skip nearly uniform frames",
        setting_help="leave out nearly uniform frames",
        group="frame selection",
    ),
    sampling_option(
        "skip_similar",
        help="skip frames whose hash differs from the last one kept in at most BITS bits, 0-64",
        setting_help="leave out frames whose hash differs in at most this many bits",
        group="frame selection",
        metavar="BITS",
        no_default="no frame is skipped",
        minimum=0,
        maximum=64,
    ),
    sampling_option(
        "distinct",
        help="of these frames, keep only the N that differ most from each other",
        **{**_NUMBER, "no_default": "all"},
    ),
    sampling_option(
        "distinct_distance",
        help="keep no two frames whose hashes differ in at most BITS bits, 0-63, the farthest first",
        setting_help="keep no two frames whose hashes differ in at most this many bits",
        group="frame selection",
        metavar="BITS",
        no_default="all are kept",
        minimum=0,
        maximum=63,
    ),
    sampling_option(
        "scene_detector",
        help="find scenes with this detector of PySceneDetect, or with TransNetV2 (needs the extra learned)",
        setting_help="scene detector: content, adaptive, threshold, hash, histogram, transnetv2"
        " (not in the image), or none",
        group="analysis",
        no_default=f"none; {DEFAULT_DETECTOR} with strategy scene",
    ),
    sampling_option(
        "scene_threshold",
        help="threshold of the detector",
        setting_help="threshold of the detector; empty: its default",
        group="analysis",
        metavar="X",
        no_default="that of the detector",
        minimum=0,
        maximum=1_000_000,
        unused=lambda policy: "no scene detector is chosen" if policy.detector is None else None,
    ),
    sampling_option(
        "scene_frame",
        help="which frame of each scene to take (with --strategy scene)",
        setting_help="first, middle or sharpest: the frame of a scene (strategy scene)",
        group="analysis",
        strategies=("scene",),
        strategies_text="only {} takes one frame of each scene",
    ),
    sampling_option(
        "measures",
        help="add sharpness, brightness and perceptual hash of each frame to the manifest",
        setting_help="sharpness, brightness and a perceptual hash of each frame",
        group="analysis",
    ),
    sampling_option(
        "image_format",
        name="format",
        aliases=("ext",),
        setting="image_format",
        normalize=_without_dot,
        help="format of the images",
        setting_help="jpg, webp or png",
        group="image output",
    ),
    sampling_option(
        "quality",
        help="quality of JPEG and WebP, on the scale of libjpeg",
        setting_help="JPEG and WebP quality on libjpeg's scale",
        group="image output",
        metavar="1-100",
        minimum=1,
        maximum=100,
        unused=lambda policy: "PNG is lossless" if policy.image_format == "png" else None,
    ),
    sampling_option(
        "max_width",
        help="scale wider pictures down to this width",
        setting_help="maximum width of images; wider ones are shrunk",
        group="image output",
        metavar="PIXELS",
        no_default="none",
        minimum=2,
        maximum=65_535,
    ),
    sampling_option(
        "max_height",
        help="scale higher pictures down to this height",
        setting_help="maximum height of images; higher ones are shrunk",
        group="image output",
        metavar="PIXELS",
        no_default="none",
        minimum=2,
        maximum=65_535,
    ),
)

SAMPLING_OPTIONS: tuple[SamplingOption, ...] = (strategy_option(_OPTIONS), *_OPTIONS)
