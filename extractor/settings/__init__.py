"""All environment variables that the project reads.

`load_settings` validates them and reports every wrong one in a single `SettingsError`. boto3 also reads its
own, such as `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL_SQS`.
"""

import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from extractor.backends.notifications import target_kind
from extractor.backends.state import BACKENDS
from extractor.domain.fetch_mode import FetchMode
from extractor.domain.frames import DecodeLimits
from extractor.domain.output_options import AudioForm, OutputForm, OutputOptions
from extractor.errors import SettingsError
from extractor.settings.capacity import FFMPEG_MB, MB_PER_LAMBDA_CPU, ffmpeg_memory_mb
from extractor.settings.sampling import SamplingSettings

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


class Settings(SamplingSettings):
    """The settings. Field ``work_dir`` is the variable ``WORK_DIR``; an empty variable counts as unset."""

    model_config = ConfigDict(defer_build=False)  # once, while the module is imported

    # Output
    output: OutputForm = Field(
        "frames", description="frames: an object for each frame; tar: one for each video, with fewer requests"
    )
    storyboard: bool = Field(
        False, description="add a contact sheet, and a thumbnail track for video players"
    )
    audio: AudioForm | None = Field(
        None,
        description="add the audio track: copy (as it is), wav16k or flac16k (16 kHz, one channel)",
    )

    fetch: FetchMode = Field(
        "auto",
        description="of a video in S3, all: fetch all; needed: the bytes that are needed, where the file "
        "allows it; auto: that, if it pays",
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

    split_seconds: float = Field(
        300,
        ge=0,
        description="CPU seconds; a video that is estimated to take longer is split into slices, which are"
        " sent to SQS_QUEUE_URL; 0: never",
    )
    records_at_once: int = Field(
        0,
        ge=0,
        le=16,
        description="records of a batch that are handled at a time; 0: two with two CPUs or more, else one",
    )

    # Telemetry
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="minimum log level")
    metrics_namespace: str = Field(
        "FrameExtractor", min_length=1, description="CloudWatch namespace of the metrics"
    )
    tracing: bool = Field(False, description="OpenTelemetry traces, on Lambda to AWS X-Ray")

    @property
    def output_form(self) -> OutputOptions:
        return OutputOptions(self.output, self.storyboard, self.audio)

    @property
    def cpu_share(self) -> float | None:
        """The number of CPUs that Lambda allots, however many the machine shows; ``None`` elsewhere."""
        memory_mb = self.aws_lambda_function_memory_size
        return memory_mb / MB_PER_LAMBDA_CPU if memory_mb else None

    def limits(self, records: int = 1) -> DecodeLimits:
        """Return the limits of each video.

        Args:
            records: The number of records that are handled at a time.
        """
        function_mb = self.aws_lambda_function_memory_size
        default_mb = ffmpeg_memory_mb(function_mb, records) if function_mb else FFMPEG_MB
        return DecodeLimits(
            max_pixels=self.max_pixels,
            max_packets=self.max_packets,
            max_frames=self.max_frames_ceiling,
            max_frames_bytes=self.max_frames_mb * 1_000_000,
            max_decode_error_share=self.max_decode_error_percent / 100,
            memory_bytes=(self.ffmpeg_memory_mb or default_mb) * 1_000_000,
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


def load_settings(
    environ: Mapping[str, str], needed: Collection[str] = (), *, only_reads: bool = False
) -> Settings:
    """Read and validate the settings.

    Args:
        environ: The environment variables. An empty one counts as unset.
        needed: Names of fields that must be set, whatever their defaults are.
        only_reads: Whether videos are only read: then no state, queue or notification must be configured.

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
        *(() if only_reads else _missing(values)),
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
    else:
        problems += settings.wrong_options
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


def _notification_secret(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the setting that the target of notifications lacks, if there is one."""
    with suppress(ValueError):  # which is reported elsewhere
        if "notify_target" in values and target_kind(values["notify_target"]) == "webhook":
            return () if "notify_secret_arn" in values else ("notify_secret",)
    return ()


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
        "an https address in NOTIFY_TARGET": _notification_secret(values),
    }
    return [
        f"{name.upper()}: {reason} needs it"
        for reason, names in needed.items()
        for name in names
        if name not in values
    ]
