"""All environment variables that the project reads.

`load_settings` validates them and reports every wrong one in a single `SettingsError`. boto3 also reads its
own, such as `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL_SQS`.
"""

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from extractor.backends.state import BACKENDS
from extractor.domain.frames import DecodeLimits
from extractor.domain.option_effects import NoEffectError, not_default, refuse_without_effect, setting_name
from extractor.domain.output_options import OutputForm, OutputOptions
from extractor.domain.policy import ImageFormat, MaxFramesMode, SamplingPolicy, SceneFrame
from extractor.errors import SettingsError
from extractor.settings.field_types import (
    ColumnsText,
    KeyTemplates,
    LayoutText,
    OptionalDetector,
    StateBackendName,
)

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
_MB_PER_LAMBDA_CPU = 1_769

# docs/decisions/0004-confining-the-decoder.md has the measurements.
_FFMPEG_MB = 3_000
_PYTHON_MB = 200
_UNTOUCHED_MB = 400
"""Address space without resident memory: FFmpeg's libraries, thread stacks, reserves of malloc."""
_LEAST_FFMPEG_MB = 700
"""Enough for 1080p with one thread."""

_OTHER_NAMES = {
    "s3_bucket_videos": ("VIDEOS_BUCKET", "BUCKET_NAME"),
    "s3_bucket_frames": ("FRAMES_BUCKET", "BUCKET_NAME"),
    "work_dir": ("TMP_DIR",),
}
"""Names that are understood as well. ``BUCKET_NAME`` and ``TMP_DIR`` are those of the system with DynamoDB,
which keeps videos and frames in one bucket; see docs/howto/migrate.md."""

_DYNAMODB_DEFAULTS = (
    {"frames_layout": "videosense"},
    {"image_format": "webp", "quality": "80"},
    {"scene_detector": "content", "scene_threshold": "30"},
)
"""The defaults of ``STATE_BACKEND=dynamodb``: fixed values of the system with DynamoDB. If the first setting
of a group is set, the other one keeps its usual default."""


class Settings(BaseModel):
    """The settings. Field ``work_dir`` is the variable ``WORK_DIR``; an empty variable counts as unset."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    # Buckets, keys and queues
    s3_bucket_videos: str = Field("oriane-videos", description="bucket of the videos")
    s3_bucket_frames: str = Field("oriane-frames", description="bucket of frames and manifests")
    video_keys: KeyTemplates = Field(
        ("{platform}/{code}/video.mp4", "{code}.mp4"),
        description="key templates, tried in this order; those with a platform only for videos with one",
    )
    frames_layout: LayoutText = Field(
        "default", description="keys of frames: default, seconds, flat, timestamped, videosense or a template"
    )
    sqs_queue_url: str | None = Field(None, description="queue that run_sqs_batches.py fills")
    dead_letter_queue_url: str | None = Field(None, description="dead-letter queue, for final failures")
    max_receives: int | None = Field(
        None,
        ge=1,
        description="maxReceiveCount of the queue; needs DEAD_LETTER_QUEUE_URL, which gets the last delivery",
    )

    # State
    state_backend: StateBackendName = Field(
        "supabase", description="state store: supabase, dynamodb or sqlite"
    )
    state_table: str = Field(
        "watched_content", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="table of the state"
    )
    state_columns: ColumnsText = Field(
        "", description="other names of its columns, such as is_fetched=is_downloaded,frame_count=frames"
    )
    videos_table: str = Field(
        "videos", pattern=r"^[A-Za-z0-9_.-]{3,255}$", description="DynamoDB table of STATE_BACKEND=dynamodb"
    )
    supabase_url: str | None = Field(None, description="https://PROJECT.supabase.co")
    supabase_key: SecretStr | None = Field(
        None, description="service-role key, or a key that may read and update rows"
    )
    supabase_token: SecretStr | None = Field(
        None, description="token of the role frame_extractor; SUPABASE_KEY must then be the public key"
    )
    supabase_key_secret_arn: str | None = Field(
        None,
        description="secret in Secrets Manager with SUPABASE_KEY and SUPABASE_TOKEN",
    )
    sqlite_path: Path | None = Field(
        None, description="existing database of STATE_BACKEND=sqlite (python -m local.state)"
    )

    # Sampling of messages without options
    strategy: Literal["uniform", "keyframe", "scene"] = Field(
        "uniform", description="uniform, keyframe or scene; only messages have timestamps"
    )
    frame_interval: float = Field(1.0, gt=0, le=86_400, description="seconds between frames (uniform)")
    quality: int = Field(95, ge=1, le=100, description="JPEG and WebP quality on libjpeg's scale")
    extract_fps: float | None = Field(
        None, gt=0, le=1_000, description="frames per second (uniform), instead of FRAME_INTERVAL"
    )
    max_frames: int | None = Field(None, ge=1, description="maximum number of frames; empty: no limit")
    max_frames_mode: MaxFramesMode = Field(
        "first", description="first: the first MAX_FRAMES frames; spread: evenly over the video"
    )
    tolerance: float = Field(
        0.0,
        ge=0,
        le=86_400,
        description="seconds from the sample time within which a cheaper frame may be taken",
    )
    scene_detector: OptionalDetector = Field(
        None, description="scene detector: content, adaptive, threshold, hash, histogram, or none"
    )
    scene_threshold: float | None = Field(
        None, ge=0, description="threshold of the detector; empty: its default"
    )
    scene_frame: SceneFrame = Field(
        "middle", description="first, middle or sharpest: the frame of a scene (strategy scene)"
    )
    measures: bool = Field(False, description="sharpness, brightness and a perceptual hash of each frame")
    skip_blank: bool = Field(False, description="leave out nearly uniform frames")
    skip_similar: int | None = Field(
        None, ge=0, le=64, description="leave out frames whose hash differs in at most this many bits"
    )
    max_width: int | None = Field(
        None, ge=2, le=65_535, description="maximum width of images; wider ones are shrunk"
    )
    max_height: int | None = Field(
        None, ge=2, le=65_535, description="maximum height of images; higher ones are shrunk"
    )
    image_format: ImageFormat = Field("jpg", description="jpg, webp or png")

    # Output
    output: OutputForm = Field(
        "frames", description="frames: an object for each frame; tar: one for each video, with fewer requests"
    )
    storyboard: bool = Field(
        False, description="add a contact sheet, and a thumbnail track for video players"
    )

    # Limits per video
    allow_truncated: bool = Field(False, description="accept truncated files; the manifest marks them")
    max_decode_error_percent: float = Field(
        20, ge=0, le=100, description="percentage of packets that may fail to decode"
    )
    max_video_mb: int = Field(4_000, ge=1, description="maximum size of a video file")
    max_pixels: int = Field(36_000_000, ge=1, description="maximum pixels of a frame; 8K has 33.2 million")
    max_packets: int = Field(
        5_000_000,
        ge=1,
        le=30_000_000,
        description="maximum packets of a video; the default is 23 hours at 60 a second",
    )
    max_frames_mb: int = Field(20_000, ge=1, description="maximum size of all frames of a video")
    max_frames_ceiling: int = Field(
        100_000, ge=1, description="maximum number of frames; videos with more are refused"
    )
    ffmpeg_memory_mb: int | None = Field(
        None, ge=512, description="address space of FFmpeg; empty: from the function's memory, 3000 elsewhere"
    )
    ffmpeg_stall_seconds: float = Field(
        60, gt=0, description="seconds without progress after which FFmpeg is killed"
    )
    ffmpeg_threads: int = Field(0, ge=0, description="decoder threads; 0: one for every two CPUs")
    aws_lambda_function_memory_size: int | None = Field(
        None, ge=128, description="set by Lambda, in MB; determines the share of the CPUs"
    )
    ffmpeg_binary: Path | None = Field(None, description="FFmpeg to use instead of the one from pip")
    upload_workers: int = Field(16, ge=1, le=64, description="concurrent uploads")
    work_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()) / "frame-extractor",
        description="folder of the videos that are being processed",
    )
    reserve_seconds: float = Field(
        10, ge=0, description="seconds; a record with less time left is not started"
    )

    # Telemetry
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="minimum log level")
    metrics_namespace: str = Field(
        "FrameExtractor", min_length=1, description="CloudWatch namespace of the metrics"
    )
    tracing: bool = Field(False, description="AWS X-Ray traces")

    @property
    def policy(self) -> SamplingPolicy:
        """The sampling policy of messages without their own options."""
        return SamplingPolicy(
            strategy=self.strategy,
            interval_seconds=1 / self.extract_fps if self.extract_fps else self.frame_interval,
            counts_frames=self._counts_frames,
            max_frames=self.max_frames,
            max_frames_mode=self.max_frames_mode,
            tolerance_seconds=self.tolerance,
            scene_detector=self.scene_detector,
            scene_threshold=self.scene_threshold,
            scene_frame=self.scene_frame,
            measures=self.measures,
            skip_blank=self.skip_blank,
            skip_similar=self.skip_similar,
            quality=self.quality,
            image_format=self.image_format,
            max_width=self.max_width,
            max_height=self.max_height,
        )

    @property
    def idle_options(self) -> str | None:
        """The sampling options without effect on a message without options, with the reasons, or ``None``.

        A message may choose the strategy, format or detector that uses them, so they are not rejected. Only
        values that differ from their default count as set.
        """
        given = not_default(self.policy) | ({"fps"} if self.extract_fps else set())
        try:
            refuse_without_effect(
                self.policy, sorted(given - ({"interval_seconds"} if "fps" in given else set()))
            )
        except NoEffectError as error:
            return error.told(setting_name)
        return None

    @property
    def _counts_frames(self) -> bool:
        """Whether EXTRACT_FPS has the meaning of the system with DynamoDB."""
        return self.state_backend == "dynamodb" and self.strategy == "uniform" and bool(self.extract_fps)

    @property
    def output_form(self) -> OutputOptions:
        return OutputOptions(self.output, self.storyboard)

    @property
    def cpu_share(self) -> float | None:
        """The number of CPUs that Lambda allots, however many the machine shows; ``None`` elsewhere."""
        memory_mb = self.aws_lambda_function_memory_size
        return memory_mb / _MB_PER_LAMBDA_CPU if memory_mb else None

    @property
    def _ffmpeg_memory_mb(self) -> int:
        if self.ffmpeg_memory_mb is not None:
            return self.ffmpeg_memory_mb
        if self.aws_lambda_function_memory_size is None:
            return _FFMPEG_MB
        free_mb = self.aws_lambda_function_memory_size - _PYTHON_MB
        return max(_LEAST_FFMPEG_MB, free_mb + _UNTOUCHED_MB)

    @property
    def limits(self) -> DecodeLimits:
        return DecodeLimits(
            max_pixels=self.max_pixels,
            max_packets=self.max_packets,
            max_frames=self.max_frames_ceiling,
            max_frames_bytes=self.max_frames_mb * 1_000_000,
            max_decode_error_share=self.max_decode_error_percent / 100,
            memory_bytes=self._ffmpeg_memory_mb * 1_000_000,
            stall_seconds=self.ffmpeg_stall_seconds,
            threads=self.ffmpeg_threads,
            allow_truncated=self.allow_truncated,
        )


def variable_names(field: str) -> tuple[str, ...]:
    """Return the environment variables that set `field`; the first is the usual one."""
    return (field.upper(), *_OTHER_NAMES.get(field, ()))


def other_names(variable: str) -> Collection[str]:
    """Return the environment variables that set the same field as `variable`, including itself."""
    fields = (field for field in Settings.model_fields if variable in variable_names(field))
    return {variable}.union(*map(variable_names, fields))


ALL_VARIABLES = frozenset(name for field in Settings.model_fields for name in variable_names(field))


def load_settings(environ: Mapping[str, str], needed: Collection[str] = ()) -> Settings:
    """Read and validate the settings.

    Args:
        environ: The environment variables. An empty one counts as unset.
        needed: Names of fields that must be set, whatever their defaults are.

    Raises:
        SettingsError: It lists everything that is wrong or missing.
    """
    given = {field: _given(environ, field) for field in Settings.model_fields}
    values = {field: next(iter(texts.values())) for field, texts in given.items() if texts}
    problems = [
        *(
            f"{' and '.join(texts)}: must be equal"
            for texts in given.values()
            if len(set(texts.values())) > 1
        ),
        *_missing(values),
        *(
            f"{field.upper()}: is not set; it is the {Settings.model_fields[field].description}"
            for field in needed
            if field not in values
        ),
    ]
    try:
        settings = Settings.model_validate(_with_dynamodb_defaults(values))
    except ValidationError as error:
        found = ((str(item["loc"][0]), item["msg"]) for item in error.errors())
        problems = [*(f"{field.upper()}: {_plain(text)}" for field, text in found), *problems]
    if problems:
        raise SettingsError("; ".join(problems))
    return settings


def _given(environ: Mapping[str, str], field: str) -> dict[str, str]:
    """Return the values of the variables of `field` that are set, by name."""
    return {name: text for name in variable_names(field) if (text := environ.get(name, "").strip())}


def _plain(text: str) -> str:
    return text.removeprefix("Value error, ")


def _with_dynamodb_defaults(values: Mapping[str, str]) -> Mapping[str, str]:
    if values.get("state_backend") != "dynamodb":
        return values
    groups = [group for group in _DYNAMODB_DEFAULTS if next(iter(group)) not in values]
    return {name: text for group in (*groups, values) for name, text in group.items()}


def _missing(values: Mapping[str, str]) -> list[str]:
    if not values.keys() & {"state_backend", "supabase_url", "supabase_key", "supabase_key_secret_arn"} and (
        "videos_table" in values
    ):
        return ["STATE_BACKEND: is not set; VIDEOS_TABLE is a table in DynamoDB: set STATE_BACKEND=dynamodb"]
    backend = values.get("state_backend", "supabase")
    known = BACKENDS.get(backend)
    required = known.required_settings if known else ()
    needed = {
        f"STATE_BACKEND={backend}": tuple(names[0] for names in required if not values.keys() & set(names)),
        "MAX_RECEIVES": ("dead_letter_queue_url",) if "max_receives" in values else (),
    }
    return [
        f"{name.upper()}: {reason} needs it"
        for reason, names in needed.items()
        for name in names
        if name not in values
    ]
