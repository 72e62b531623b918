"""Composition root: builds the worker, the backends and their clients from the settings.

The worker's clients are those of botocore and postgrest, which start faster; the command lines use boto3
and supabase. Backends and the worker are imported inside the functions that build them, so that a process
loads only what its settings ask for.
"""

from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extractor.backends.lazy import LazyNotifier, LazyQueue
from extractor.backends.notifications import Notifier, target_kind
from extractor.backends.queues.base import (
    DeadLetterQueue,
    JobQueue,
    ObservableQueue,
)
from extractor.backends.state import find_backend
from extractor.backends.state.base import StateStore, VideoTable
from extractor.backends.storage.base import ObjectStore
from extractor.domain.extras import require_detector
from extractor.domain.key_parser import own_outputs
from extractor.domain.layout import parse_layout
from extractor.errors import SettingsError
from extractor.settings import Settings, capacity

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from extractor.backends.aws import ClientBuilder
    from extractor.backends.queues.sqs.source import SqsSource
    from extractor.backends.telemetry import Telemetry
    from extractor.pipeline.extract import ExtractorConfig
    from extractor.pipeline.slice_queue import SliceQueue
    from extractor.pipeline.source import VideoLocator
    from extractor.pipeline.worker import Worker

_SPARE_CONNECTIONS = 12  # for ranges of the video, and for lists, reads and deletions during uploads


def build_telemetry(settings: Settings) -> "Telemetry":
    """Build logs, metrics and traces as LOG_LEVEL, METRICS_NAMESPACE and TRACING ask."""
    from extractor.backends.telemetry import Telemetry

    return Telemetry(
        log_level=settings.log_level, namespace=settings.metrics_namespace, tracing=settings.tracing
    )


def build_worker(settings: Settings, telemetry: "Telemetry") -> "Worker":
    """Build the worker that handles messages. No network is used before its first message.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    from extractor.pipeline.job_context import WorkerContext
    from extractor.pipeline.needed_bytes import FetchRules
    from extractor.pipeline.prefetch import Prefetcher
    from extractor.pipeline.worker import Worker

    try:
        require_detector(settings.policy.detector)
    except ModuleNotFoundError as error:
        raise SettingsError(f"SCENE_DETECTOR: {error}") from error
    records = records_at_once(settings)
    config = replace(build_extractor_config(settings, records), output=settings.output_form)
    rules = FetchRules(settings.fetch, config)
    context = WorkerContext(
        state=build_state(settings),
        videos=Prefetcher(
            build_video_locator(settings), settings.work_dir, videos_ahead=records, rules=rules
        ),
        frames=build_object_store(settings, settings.s3_bucket_frames),
        layout=parse_layout(settings.frames_layout),
        config=config,
        notifier=build_notifier(settings),
        frames_bucket=settings.s3_bucket_frames,
        slices=build_slice_queue(settings),
    )
    return Worker(
        context=context,
        policy=settings.policy,
        dead_letters=build_dead_letters(settings),
        observe=telemetry.observe,
        report=telemetry.record_result,
        is_own_output=own_outputs(parse_layout(settings.frames_layout), settings.s3_bucket_frames),
        max_receives=settings.max_receives,
    )


def build_extractor_config(settings: Settings, records: int) -> "ExtractorConfig":
    """Build the configuration of the extraction.

    Args:
        settings: The settings.
        records: The number of videos at a time.

    Raises:
        SettingsError: There is no FFmpeg.
    """
    from extractor.media.ffmpeg.binary import find_ffmpeg
    from extractor.media.ffmpeg.threads import decoder_threads
    from extractor.pipeline.extract import ExtractorConfig

    return ExtractorConfig(
        ffmpeg=find_ffmpeg(str(settings.ffmpeg_binary) if settings.ffmpeg_binary else None),
        limits=replace(
            settings.limits(records),
            threads=settings.ffmpeg_threads or decoder_threads(settings.cpu_share, videos=records),
        ),
        upload_workers=settings.upload_workers,
    )


def records_at_once(settings: Settings) -> int:
    """Return how many records of a batch the worker handles at a time: RECORDS_AT_ONCE, or what suits."""
    from extractor.media.ffmpeg.threads import available_cpus

    cpus = min(available_cpus(), settings.cpu_share or 1)
    return settings.records_at_once or capacity.records_at_once(
        cpus, settings.aws_lambda_function_memory_size, settings.ffmpeg_memory_mb
    )


def build_video_locator(settings: Settings) -> "VideoLocator":
    """Build the locator of source videos.

    Raises:
        SettingsError: A setting is wrong.
    """
    from extractor.pipeline.source import VideoLocator

    return VideoLocator(
        store=lambda bucket: build_object_store(settings, bucket),
        bucket=settings.s3_bucket_videos,
        key_templates=settings.video_keys,
        max_bytes=settings.max_video_mb * 1_000_000,
    )


def build_state(settings: Settings) -> StateStore:
    """Open the state store that STATE_BACKEND names, for the worker.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    return find_backend(settings.state_backend).load().open_state(settings)


def build_table(settings: Settings) -> VideoTable:
    """Open the state store that STATE_BACKEND names, for the command lines.

    Raises:
        SettingsError: A setting is wrong or missing, or the store has no backlog.
    """
    return find_backend(settings.state_backend).load().open_table(settings)


def build_notifier(settings: Settings) -> Notifier | None:
    """Build the worker's sender of notifications; ``None`` if NOTIFY_TARGET is empty."""
    target = settings.notify_target
    return None if target is None else LazyNotifier(lambda: _build_notifier(settings, target))


def _build_notifier(settings: Settings, target: str) -> Notifier:
    kind = target_kind(target)
    if kind != "webhook":
        from extractor.backends.notifications.aws import AwsNotifier

        return AwsNotifier(kind, target, _worker_clients())
    from extractor.backends.notifications.webhook import WebhookNotifier

    return WebhookNotifier(target, _notification_secret(settings))


def _notification_secret(settings: Settings) -> str:
    if settings.notify_secret is not None:
        return settings.notify_secret.get_secret_value()
    from extractor.backends.aws import mapping_settings_errors
    from extractor.backends.secrets import read_secret

    with mapping_settings_errors():
        arn = settings.notify_secret_arn or ""
        return read_secret(arn, "NOTIFY_SECRET", _worker_clients(), "NOTIFY_SECRET_ARN")["NOTIFY_SECRET"]


def build_job_queue(settings: Settings, group: str = "") -> ObservableQueue:
    """Build the job queue of the command lines.

    Its client makes one attempt per call, since `extractor.enqueue` retries.

    Args:
        settings: The settings.
        group: The message group of everything that is sent; empty for none.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    from extractor.backends.queues.sqs.opening import open_queue

    return open_queue(settings.sqs_queue_url, 1, _tool_clients(), group)


def build_queue_source(settings: Settings) -> "SqsSource":
    """Build the source of messages of a worker outside of Lambda.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    from extractor.backends.aws import mapping_settings_errors
    from extractor.backends.queues.sqs.opening import standard_queue
    from extractor.backends.queues.sqs.source import SqsSource, build_source_client

    url = standard_queue(settings.sqs_queue_url)
    with mapping_settings_errors():
        return SqsSource(build_source_client(_worker_clients()), url)


def build_slice_queue(settings: Settings) -> "SliceQueue | None":
    """Build the worker's sender of slices; ``None`` if every video is made in one piece.

    It is with a FIFO queue, in which slices would follow each other.
    """
    from extractor.pipeline.slice_queue import SliceQueue

    url, seconds = settings.sqs_queue_url, settings.split_seconds
    if url is None or url.endswith(".fifo") or not seconds:
        return None
    return SliceQueue(_worker_queue(url), seconds)


def build_dead_letters(settings: Settings) -> JobQueue | None:
    """Build the worker's dead-letter queue; ``None`` if there is none.

    Raises:
        SettingsError: A setting is wrong.
    """
    url = settings.dead_letter_queue_url
    return None if url is None else _worker_queue(url)


def _worker_queue(url: str) -> JobQueue:
    from extractor.backends.queues.sqs.opening import open_queue

    return LazyQueue(lambda: open_queue(url, 4, _worker_clients()))


def build_dead_letter_reader(settings: Settings) -> DeadLetterQueue:
    """Build the reader of the dead-letter queue.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    if settings.dead_letter_queue_url is None:
        raise SettingsError("DEAD_LETTER_QUEUE_URL: is not set")
    from extractor.backends.aws import mapping_settings_errors
    from extractor.backends.queues.sqs import SqsDeadLetterQueue, build_sqs_client

    with mapping_settings_errors():
        return SqsDeadLetterQueue(build_sqs_client(4, _tool_clients()), settings.dead_letter_queue_url)


def build_object_store(settings: Settings, bucket: str) -> ObjectStore:
    """Build the worker's object store of a bucket. All buckets share one client.

    Raises:
        SettingsError: A setting is wrong.
    """
    return _build_object_store(settings, bucket, _worker_clients())


def build_tools_object_store(settings: Settings, bucket: str) -> ObjectStore:
    """Build the command lines' object store of a bucket. All buckets share one client.

    Raises:
        SettingsError: A setting is wrong.
    """
    return _build_object_store(settings, bucket, _tool_clients())


def _worker_clients() -> "ClientBuilder":
    from extractor.backends.aws import build_client

    return build_client


def _tool_clients() -> "ClientBuilder":
    from extractor.backends.aws_tools import build_boto3_client

    return build_boto3_client


def _build_object_store(settings: Settings, bucket: str, clients: "ClientBuilder") -> ObjectStore:
    from extractor.backends.storage.s3 import S3ObjectStore

    records = settings.records_at_once or capacity.MOST_RECORDS
    connections = (settings.upload_workers + _SPARE_CONNECTIONS) * records
    return S3ObjectStore(_s3_client(connections, clients), bucket)


@cache
def _s3_client(max_connections: int, clients: "ClientBuilder") -> "S3Client":
    from extractor.backends.aws import mapping_settings_errors
    from extractor.backends.storage.s3 import build_s3_client

    with mapping_settings_errors():
        return build_s3_client(max_connections, clients)
