"""The sampling policy: which frames are extracted, and their image format. Identified by its fingerprint."""

from fractions import Fraction
from math import ulp
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import asdict

Strategy = Literal[
    "uniform",
    "keyframe",
    "scene",
    "cover",
    "timestamps",
    "frames",
    "every_n_frames",
    "count",
    "random",
    "per_scene",
]
ImageFormat = Literal["jpg", "webp", "png"]
MaxFramesMode = Literal["first", "spread"]
Detector = Literal["content", "adaptive", "threshold", "hash", "histogram", "transnetv2"]
SceneFrame = Literal["first", "middle", "sharpest"]

IMAGE_FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)
CONTENT_TYPES: dict[ImageFormat, str] = {"jpg": "image/jpeg", "webp": "image/webp", "png": "image/png"}
MAX_FRAMES_MODES: tuple[MaxFramesMode, ...] = get_args(MaxFramesMode)
DETECTORS: tuple[Detector, ...] = get_args(Detector)

STRATEGY_TEXTS: dict[Strategy, str] = {
    "uniform": "a frame at every interval",
    "keyframe": "all keyframes",
    "scene": "one frame of each scene",
    "cover": "the one best picture",
    "timestamps": "frames at given times",
    "frames": "frames of given numbers",
    "every_n_frames": "every n-th frame",
    "count": "a number of frames spread evenly in time",
    "random": "a number of frames at random",
    "per_scene": "a number of frames of each scene",
}
"""What each strategy takes, for help texts."""

SCENE_STRATEGIES: frozenset[Strategy] = frozenset({"scene", "cover", "per_scene"})
"""The strategies that take frames of scenes. The scenes are found before the frames are decoded."""

DEFAULT_DETECTOR: Detector = "content"
"""Of the strategy ``scene``."""


class SamplingPolicy(Struct, frozen=True):
    """Which frames are extracted, and their image format.

    Attributes:
        strategy: ``uniform`` (a frame at each interval), ``keyframe``, ``scene`` (one frame of each scene),
            ``cover`` (a sharp frame near the middle of the longest scene) or ``timestamps``; and the
            strategies of the options ``frames``, ``every_n_frames``, ``count``, ``random`` and ``per_scene``,
            which have the names of these options.
        interval_seconds: Interval of ``uniform``; greater than 0.
        counts_frames: Whether ``uniform`` takes every n-th frame instead of the first one after each sample
            time; n is the interval times the average frame rate, rounded, and at least 1.
        timestamps_seconds: Times of ``timestamps``, ascending, from the first frame.
        frames: Numbers of the frames of ``frames``, in presentation order from 0; a negative one counts from
            the end of the video.
        start_seconds: Take no frame before this time after the first frame; a negative one counts from the
            end of the video. ``None`` for the beginning.
        end_seconds: Take no frame at or after this time, likewise; ``None`` for the end.
        every_n_frames: Take every n-th frame.
        count: Take this number of frames, spread evenly in time: the first one at or after the middle of each
            of so many equal parts.
        random: Take this number of frames at random.
        seed: Of ``random``: the same seed takes the same frames.
        per_scene: Take this number of frames of each scene, spread evenly in time as by ``count``.
        max_frames: Limit of the number of frames; ``None`` for no limit.
        max_frames_mode: Whether the limit keeps the ``first`` frames, or frames ``spread`` evenly.
        tolerance_seconds: Allowed distance from the exact frame to one that is cheaper to decode.
        scene_detector: Detector of PySceneDetect, or ``transnetv2``; ``None`` to look for no scenes.
        scene_threshold: Threshold of the detector; ``None`` for its default.
        scene_frame: Which frame of a scene ``scene`` takes.
        measures: Whether to measure sharpness, brightness and perceptual hash of each frame.
        skip_blank: Whether to skip nearly uniform frames.
        skip_similar: Skip frames whose hash differs from the last one kept in at most this many bits.
        distinct: Keep at most this number of frames, those that differ most from each other.
        distinct_distance: Keep no frame whose hash differs from that of another kept one in at most this many
            bits.
        quality: 1-100 on libjpeg's scale; PNG ignores it.
        image_format: Format of the images.
        max_width: Larger pictures are scaled down to fit, to even sizes.
        max_height: Likewise.
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
    start_seconds: float | None = None
    end_seconds: float | None = None
    every_n_frames: int | None = None
    count: int | None = None
    random: int | None = None
    seed: int = 0
    per_scene: int | None = None
    frames: tuple[int, ...] = ()
    distinct: int | None = None
    distinct_distance: int | None = None

    @property
    def takes_part(self) -> bool:
        """Whether only the frames between `start_seconds` and `end_seconds` are wanted."""
        return self.start_seconds is not None or self.end_seconds is not None

    @property
    def selects_scenes(self) -> bool:
        """Whether the strategy takes frames of scenes."""
        return self.strategy in SCENE_STRATEGIES

    @property
    def detector(self) -> Detector | None:
        """The scene detector in use; strategies that take frames of scenes always have one."""
        return self.scene_detector or (DEFAULT_DETECTOR if self.selects_scenes else None)

    @property
    def watches_every_frame(self) -> bool:
        """Whether scenes are detected while the frames are decoded, and not in an earlier pass."""
        return self.detector is not None and not self.selects_scenes

    @property
    def needs_measures(self) -> bool:
        """Whether frames are measured, for the manifest or to skip some."""
        return self.measures or self.skip_blank or self.skip_similar is not None or self.keeps_distinct

    @property
    def keeps_distinct(self) -> bool:
        """Whether only the frames are kept that differ most from each other."""
        return self.distinct is not None or self.distinct_distance is not None


def exact_seconds(seconds: float) -> Fraction:
    """Return the fraction that a decimal stands for: 1/10 for 0.1, 1/30 for 0.033333."""
    return Fraction(seconds).limit_denominator(1_000_000)


def least_seconds(seconds: float) -> Fraction:
    """Return the smallest number that rounds to this float.

    No frame whose time was printed as this float is earlier.
    """
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
    import hashlib  # slow to import

    return hashlib.sha256(repr(sorted(identifying_options(policy).items())).encode()).hexdigest()
