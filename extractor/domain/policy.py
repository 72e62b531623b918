"""The sampling policy: which frames are wanted, and in what form. Checked once, and known again by its
fingerprint."""

import hashlib
from fractions import Fraction
from math import ulp
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import asdict

Strategy = Literal["uniform", "keyframe", "scene", "timestamps"]
ImageFormat = Literal["jpg", "webp", "png"]
MaxFramesMode = Literal["first", "spread"]
Detector = Literal["content", "adaptive", "threshold", "hash", "histogram"]
SceneFrame = Literal["first", "middle", "sharpest"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
IMAGE_FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)
MAX_FRAMES_MODES: tuple[MaxFramesMode, ...] = get_args(MaxFramesMode)
DETECTORS: tuple[Detector, ...] = get_args(Detector)
SCENE_FRAMES: tuple[SceneFrame, ...] = get_args(SceneFrame)


class SamplingPolicy(Struct, frozen=True):
    """Which frames are wanted, and in what form.

    ``interval_seconds`` > 0 (used by ``uniform``). With ``counts_frames``, ``uniform`` takes every n-th frame
    instead of the first one after each instant; n is the interval times the video's average frame rate,
    rounded, and at least 1. ``timestamps_seconds`` ascending, from the first
    frame (used by ``timestamps``). ``max_frames`` (``None`` is no limit) takes the ``first`` so many,
    or so many ``spread`` evenly over the whole video. With a ``tolerance_seconds`` over 0, a frame that
    costs less may be taken within that distance of the exact one.

    With a ``scene_detector`` of PySceneDetect's, the video's scenes are found (``scene_threshold`` of
    ``None`` is the detector's own); ``scene`` takes one frame of each, the ``scene_frame``. ``measures``
    adds sharpness, brightness and a perceptual hash to each frame; ``skip_blank`` leaves out frames that
    show nothing, ``skip_similar`` those whose hash differs from the last one kept in at most so many bits.

    ``quality`` 1-100 on libjpeg's scale (PNG is lossless and ignores it). Pictures larger than
    ``max_width`` × ``max_height`` pixels are shrunk to fit, to even sizes; none is enlarged.
    """

    strategy: Strategy = "uniform"
    interval_seconds: float = 1.0
    counts_frames: bool = False
    timestamps_seconds: tuple[float, ...] = ()
    max_frames: int | None = None
    max_frames_mode: MaxFramesMode = "first"
    tolerance_seconds: float = 0.0
    scene_detector: Detector | None = None
    scene_threshold: float | None = None
    scene_frame: SceneFrame = "middle"
    measures: bool = False
    skip_blank: bool = False
    skip_similar: int | None = None
    quality: int = 95
    image_format: ImageFormat = "jpg"
    max_width: int | None = None
    max_height: int | None = None

    @property
    def detector(self) -> Detector | None:
        """How scenes are found, if they are: the strategy ``scene`` cannot do without."""
        return self.scene_detector or ("content" if self.strategy == "scene" else None)

    @property
    def watches_every_frame(self) -> bool:
        """Whether cuts are looked for while images are made: the strategy ``scene`` has done that before."""
        return self.detector is not None and self.strategy != "scene"

    @property
    def needs_measures(self) -> bool:
        return self.measures or self.skip_blank or self.skip_similar is not None


def checked_policy(policy: SamplingPolicy) -> SamplingPolicy:
    """`policy` itself. Raises `ValueError` if it asks for something that does not exist."""
    _check_choice("strategy", policy.strategy, STRATEGIES)
    _check_choice("format", policy.image_format, IMAGE_FORMATS)
    _check_choice("max_frames_mode", policy.max_frames_mode, MAX_FRAMES_MODES)
    if policy.scene_detector is not None:
        _check_choice("scene_detector", policy.scene_detector, DETECTORS)
    _check_choice("scene_frame", policy.scene_frame, SCENE_FRAMES)
    for name in ("quality", "max_frames", "max_width", "max_height", "skip_similar"):
        _check_whole(name, getattr(policy, name))
    _check_range("scene_threshold", policy.scene_threshold, 0, None)
    _check_range("skip_similar", policy.skip_similar, 0, 64)
    _check_range("interval", policy.interval_seconds, 1e-6, 86_400)
    _check_range("tolerance", policy.tolerance_seconds, 0, 86_400)
    _check_range("quality", policy.quality, 1, 100)
    _check_range("max_frames", policy.max_frames, 1, None)
    _check_range("max_width", policy.max_width, 2, 65_535)
    _check_range("max_height", policy.max_height, 2, 65_535)
    for moment in policy.timestamps_seconds:
        _check_range("timestamps", moment, 0, 1e9)
    if (policy.strategy == "timestamps") != bool(policy.timestamps_seconds):
        raise ValueError("timestamps: strategy 'timestamps' needs some, and no other strategy takes any")
    return policy


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}: must be one of {', '.join(allowed)}, not {value!r}")


def _check_whole(name: str, value: object) -> None:
    if value is not None and not isinstance(value, int):
        raise ValueError(f"{name}: must be a whole number, not {value!r}")


def _check_range(name: str, value: float | None, least: float, most: float | None) -> None:
    if value is not None and not (value >= least and (most is None or value <= most)):
        bound = f"at least {least:g}" if most is None else f"{least:g} to {most:g}"
        raise ValueError(f"{name}: must be {bound}, not {value!r}")


def exact_seconds(seconds: float) -> Fraction:
    """The exact number that was meant: 0.1 is 1/10, 0.0333… is 1/30."""
    return Fraction(seconds).limit_denominator(1_000_000)


def least_seconds(seconds: float) -> Fraction:
    """The smallest number that rounds to this float. A frame whose exact time was printed as this float is
    therefore not before it."""
    return max(Fraction(0), Fraction(seconds) - Fraction(ulp(seconds)) / 2)


_FIRST_OPTIONS = frozenset(
    {
        "strategy",
        "interval_seconds",
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
    }
)
"""The options of the first release. Never add to it: see `identifying_options`."""


def identifying_options(policy: SamplingPolicy) -> dict[str, object]:
    """Return the options that identify a policy, by name, in the order of the fields.

    Options of the first release are always listed. A later option is listed only if it differs from its
    default, so that adding an option changes neither the fingerprints nor the manifests of finished videos.
    """
    default = type(policy)()
    return {
        name: value
        for name, value in asdict(policy).items()
        if name in _FIRST_OPTIONS or value != getattr(default, name)
    }


def fingerprint(policy: SamplingPolicy) -> str:
    """Return the SHA-256 (hex) of all options that change the frames."""
    return hashlib.sha256(repr(sorted(identifying_options(policy).items())).encode()).hexdigest()
