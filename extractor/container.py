"""Composition root: builds the worker, the backends and their clients from the settings.

The worker's clients are those of botocore and postgrest, which start faster; the command lines use boto3
and supabase. Backends and the worker are imported inside the functions that build them, so that a process
loads only what its settings ask for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from extractor.backends.queues.base import (
    DeadLetterQueue,
    JobQueue,
    ObservableQueue,
    OutgoingMessage,
    SendFailure,
)
from extractor.backends.state.base import Backlog, FailureReader, RowReader, StateStore
from extractor.backends.state.columns import parse_columns
from extractor.backends.storage.base import ObjectStore
from extractor.domain.key_parser import TRASH, KeyParser
from extractor.domain.layout import parse_layout
from extractor.domain.policy import IMAGE_FORMATS
from extractor.errors import SettingsError
from extractor.settings import Settings
from extractor.settings.field_types import pasted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from postgrest import SyncPostgrestClient

    from extractor.backends.aws import ClientBuilder
    from extractor.backends.state.supabase.api_keys import KeySource
    from extractor.backends.telemetry import Telemetry
    from extractor.pipeline.source import VideoLocator
    from extractor.pipeline.worker import Worker

_SPARE_CONNECTIONS = 4  # for the download, and for lists, reads and deletions during uploads


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
    from extractor.media.ffmpeg.binary import find_ffmpeg
    from extractor.media.ffmpeg.threads import decoder_threads
    from extractor.pipeline.extract import ExtractorConfig
    from extractor.pipeline.job import WorkerContext
    from extractor.pipeline.prefetch import Prefetcher
    from extractor.pipeline.worker import Worker

    context = WorkerContext(
        state=build_state(settings),
        videos=Prefetcher(_video_locator(settings), settings.work_dir),
        frames=build_object_store(settings, settings.s3_bucket_frames),
        layout=parse_layout(settings.frames_layout),
        config=ExtractorConfig(
            ffmpeg=find_ffmpeg(str(settings.ffmpeg_binary) if settings.ffmpeg_binary else None),
            limits=replace(
                settings.limits, threads=settings.ffmpeg_threads or decoder_threads(settings.cpu_share)
            ),
            upload_workers=settings.upload_workers,
            output=settings.output_form,
        ),
        work_dir=settings.work_dir,
    )
    return Worker(
        context=context,
        policy=settings.policy,
        dead_letters=build_dead_letters(settings),
        observe=telemetry.observe,
        report=telemetry.record_result,
        is_own_output=_own_outputs(settings),
        max_receives=settings.max_receives,
    )


def _own_outputs(settings: Settings) -> Callable[[str, str], bool]:
    """Return a function that recognises the objects that this project writes: frames, side files, trash."""
    parser = KeyParser(parse_layout(settings.frames_layout))
    images = tuple(f".{extension}" for extension in IMAGE_FORMATS)

    def is_own_output(bucket: str, key: str) -> bool:
        if key.startswith(TRASH):
            return True
        return bucket == settings.s3_bucket_frames and (key.endswith(images) or parser.find(key) is not None)

    return is_own_output


def _video_locator(settings: Settings) -> "VideoLocator":
    from extractor.pipeline.source import VideoLocator

    return VideoLocator(
        store=lambda bucket: build_object_store(settings, bucket),
        bucket=settings.s3_bucket_videos,
        key_templates=settings.video_keys,
        max_bytes=settings.max_video_mb * 1_000_000,
    )


class VideoTable(StateStore, Backlog, FailureReader, RowReader, Protocol):
    """A state table with a backlog, with all operations of the command lines."""


def build_state(settings: Settings) -> StateStore:
    """Build the state that STATE_BACKEND names, for the worker.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    if settings.state_backend == "supabase":
        from extractor.backends.state.supabase import build_postgrest_client

        return _build_supabase(settings, build_postgrest_client, _worker_clients())
    return _build_dynamodb(settings) if settings.state_backend == "dynamodb" else _build_sqlite(settings)


def build_table(settings: Settings) -> VideoTable:
    """Build the state as a table with a backlog, for the command lines.

    Raises:
        SettingsError: A setting is wrong or missing, or the state has no backlog.
    """
    if settings.state_backend == "dynamodb":
        raise SettingsError("STATE_BACKEND: dynamodb has no backlog; its videos are announced by S3 events")
    if settings.state_backend == "sqlite":
        return _build_sqlite(settings)
    from extractor.backends.state.supabase.project import build_project_client

    return _build_supabase(settings, build_project_client, _tool_clients())


class _LazyQueue:
    """A queue whose client is built on first use: most invocations dead-letter nothing."""

    def __init__(self, build: Callable[[], JobQueue]) -> None:
        self._queue = cache(build)

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        return self._queue().send(messages)


def build_job_queue(settings: Settings) -> ObservableQueue:
    """Build the job queue of the command lines. Its client makes one attempt per call, since
    `extractor.enqueue` retries.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    if settings.sqs_queue_url is None:
        raise SettingsError("SQS_QUEUE_URL: is not set")
    return _build_queue(settings.sqs_queue_url, 1, _tool_clients())


def build_dead_letters(settings: Settings) -> JobQueue | None:
    """Build the worker's dead-letter queue; ``None`` if there is none.

    Raises:
        SettingsError: A setting is wrong.
    """
    url = settings.dead_letter_queue_url
    return None if url is None else _LazyQueue(lambda: _build_queue(url, 4, _worker_clients()))


def build_dead_letter_reader(settings: Settings) -> DeadLetterQueue:
    """Build the reader of the dead-letter queue.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    if settings.dead_letter_queue_url is None:
        raise SettingsError("DEAD_LETTER_QUEUE_URL: is not set")
    from extractor.backends.queues.sqs import SqsDeadLetterQueue, build_sqs_client

    with _aws_settings():
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

    return S3ObjectStore(_s3_client(settings.upload_workers + _SPARE_CONNECTIONS, clients), bucket)


def _build_dynamodb(settings: Settings) -> StateStore:
    from extractor.backends.state.dynamodb.store import DynamoDBStateStore, build_dynamodb_client

    with _aws_settings():
        return DynamoDBStateStore(build_dynamodb_client(), settings.videos_table)


def _build_sqlite(settings: Settings) -> VideoTable:
    from extractor.backends.state.sqlite import SqliteStateStore

    if settings.sqlite_path is None:
        raise SettingsError("SQLITE_PATH: STATE_BACKEND=sqlite needs it")
    columns = parse_columns(settings.state_columns)
    return SqliteStateStore(settings.sqlite_path, settings.state_table, columns, create=False)


def _build_supabase(
    settings: Settings,
    build_client: "Callable[[str, str, str | None, KeySource | None], SyncPostgrestClient]",
    clients: "ClientBuilder",
) -> VideoTable:
    from extractor.backends.state.supabase import SupabaseStateStore

    if settings.supabase_url is None:
        raise SettingsError("SUPABASE_URL: STATE_BACKEND=supabase needs it")
    url = pasted("SUPABASE_URL", settings.supabase_url).rstrip("/").removesuffix("/rest/v1")
    key, token = _supabase_keys(settings, clients)
    renew = None if settings.supabase_key else lambda: _supabase_keys(settings, clients)
    try:
        client = build_client(url, key, token, renew)
    except ValueError as error:
        raise SettingsError("SUPABASE_URL: is no http or https address") from error
    return SupabaseStateStore(client, settings.state_table, parse_columns(settings.state_columns))


def _supabase_keys(settings: Settings, clients: "ClientBuilder") -> tuple[str, str | None]:
    """Return the key, and the token of a role if there is one."""
    if settings.supabase_key is not None:
        key = _key("SUPABASE_KEY", settings.supabase_key.get_secret_value())
        if settings.supabase_token is None:
            return key, None
        return key, pasted("SUPABASE_TOKEN", settings.supabase_token.get_secret_value()) or None
    if settings.supabase_key_secret_arn is None:
        raise SettingsError("SUPABASE_KEY: STATE_BACKEND=supabase needs it, or SUPABASE_KEY_SECRET_ARN")
    from extractor.backends.secrets import read_secret

    with _aws_settings():
        fields = read_secret(settings.supabase_key_secret_arn, "SUPABASE_KEY", clients)
    setting = "SUPABASE_KEY_SECRET_ARN: its field "
    key = _key(f"{setting}SUPABASE_KEY", fields["SUPABASE_KEY"])
    return key, pasted(f"{setting}SUPABASE_TOKEN", fields.get("SUPABASE_TOKEN", "")) or None


def _key(setting: str, text: str) -> str:
    if not (key := pasted(setting, text)):
        raise SettingsError(f"{setting}: holds no key")
    return key


def _build_queue(url: str, attempts: int, clients: "ClientBuilder") -> ObservableQueue:
    from extractor.backends.queues.sqs import SqsQueue, build_sqs_client

    if url.endswith(".fifo"):
        raise SettingsError(
            "SQS_QUEUE_URL or DEAD_LETTER_QUEUE_URL: a FIFO queue cannot be used; make a standard one"
        )
    with _aws_settings():
        return SqsQueue(build_sqs_client(attempts, clients), url)


@cache
def _s3_client(max_connections: int, clients: "ClientBuilder") -> "S3Client":
    from extractor.backends.storage.s3 import build_s3_client

    with _aws_settings():
        return build_s3_client(max_connections, clients)


@contextmanager
def _aws_settings() -> Iterator[None]:
    """Convert errors of botocore, which reads the AWS variables when a client is built."""
    from botocore.exceptions import BotoCoreError

    from extractor.backends.aws import wrong_setting

    try:
        yield
    except (BotoCoreError, ValueError, OSError) as error:
        raise SettingsError(wrong_setting(error)) from error
