"""The values that travel through the project. All frozen, none with behaviour beyond arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Literal, get_args

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


@dataclass(frozen=True, slots=True)
class SamplingPolicy:
    """Which frames are wanted, and in what form.

    ``interval_seconds`` > 0 (used by ``uniform``); ``timestamps_seconds`` ascending, from the first
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


def _check_range(name: str, value: float | None, least: float, most: float | None) -> None:
    if value is not None and not (value >= least and (most is None or value <= most)):
        bound = f"at least {least:g}" if most is None else f"{least:g} to {most:g}"
        raise ValueError(f"{name}: must be {bound}, not {value!r}")


def exact_seconds(seconds: float) -> Fraction:
    """The exact number that was meant: 0.1 is 1/10, 0.0333… is 1/30."""
    return Fraction(seconds).limit_denominator(1_000_000)


@dataclass(frozen=True, slots=True)
class ExtractionJob:
    """One video to be done.

    ``bucket`` and ``key`` are set when the message named the object itself; otherwise the key
    follows from ``code`` and ``platform``. ``receive_count`` is the delivery's number, from 1.
    """

    code: str
    policy: SamplingPolicy
    platform: str | None = None
    bucket: str | None = None
    key: str | None = None
    receive_count: int = 1


@dataclass(frozen=True, slots=True)
class SourceVideo:
    """The object that the frames come from; ``etag`` pins its version. Local files have no bucket."""

    bucket: str | None
    key: str
    etag: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded image.

    ``index`` counts the images from 0. ``slot`` is the number of the instant that it answers
    (``slot × interval`` seconds after the first frame; equal to ``index`` for keyframes).
    ``pts_seconds`` is its true time after the video's first frame. Width and height are those of
    the image, after rotation.
    """

    index: int
    slot: int
    pts_seconds: float
    data: bytes = field(repr=False)
    width: int
    height: int
    measures: "Measures | None" = None


@dataclass(frozen=True, slots=True)
class Measures:
    """``sharpness``: variance of the Laplacian, 0 for a flat picture, tens for blurred and hundreds for
    crisp ones. ``brightness``: mean luma from 0 to 1. ``perceptual_hash``: 16 hexadecimal digits; alike
    pictures differ in few bits. ``blank``: nearly uniform, whatever the colour."""

    sharpness: float
    brightness: float
    perceptual_hash: str
    blank: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """From its first frame (`first_frame`, counted from 0) to where the next scene begins."""

    index: int
    start_seconds: float
    end_seconds: float
    first_frame: int


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame that the object store has acknowledged; ``sha256`` in lower-case hex. ``etag`` is the store's
    own name of this version of the object, if it is one."""

    index: int
    slot: int
    key: str
    pts_seconds: float
    size_bytes: int
    sha256: str
    width: int
    height: int
    measures: Measures | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose state it is: a code, and the version of the object, once that is known."""

    code: str
    source: SourceVideo | None = None


@dataclass(frozen=True, slots=True)
class StateRow:
    """What the state knows of a video."""

    code: str
    is_fetched: bool
    is_extracted: bool


@dataclass(frozen=True, slots=True)
class Extraction:
    """What the state is told of a video that is done. ``video_frame_count`` and ``video_frame_rate`` are
    those of the video, ``scene_count`` is ``None`` unless scenes were looked for."""

    frame_count: int
    frames_prefix: str
    scene_count: int | None
    duration_seconds: float
    video_frame_count: int
    video_frame_rate: float


@dataclass(frozen=True, slots=True)
class Pick:
    """Which rows of the backlog: those without a recorded failure, or only those with one (`failed`).

    `enqueued_before` leaves out what was enqueued at that moment or later, `fetched_since` what was
    fetched before that moment. Both need the column that they speak of.
    """

    failed: bool = False
    enqueued_before: datetime | None = None
    fetched_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """A row in full. What the table has no column for is ``None``."""

    code: str
    is_fetched: bool
    is_extracted: bool
    extract_error: str | None = None
    frame_count: int | None = None
    extracted_at: datetime | None = None
    enqueued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message for a queue: a JSON body and string attributes."""

    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SendFailure:
    """One entry that the queue refused. ``position`` is its place in the sequence sent."""

    position: int
    code: str
    sender_fault: bool


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one video may cost. Beyond any of these it is refused, never half done.

    ``max_decode_error_share`` is the share of packets (0-1) that may fail to decode.
    ``stall_seconds`` is how long FFmpeg may go without a sign of life.
    """

    max_pixels: int = 36_000_000
    max_frames: int = 100_000
    max_frames_bytes: int = 20_000_000_000
    max_decode_error_share: float = 0.2
    memory_bytes: int = 3_000_000_000
    stall_seconds: float = 60.0
    threads: int = 0
    allow_truncated: bool = False
