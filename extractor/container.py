"""Settings to adapters: the only place that builds clients.

botocore, postgrest and sqlite3 are imported where they are needed: a cold start pays for no other backend.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol

from extractor.backends.queues.base import DeadLetterQueue, JobQueue, ObservableQueue
from extractor.backends.state.base import Backlog, FailureReader, RowReader, StateStore
from extractor.backends.state.columns import parse_columns
from extractor.backends.storage.base import ObjectStore
from extractor.domain.models import OutgoingMessage, SendFailure
from extractor.errors import SettingsError
from extractor.setting_types import pasted
from extractor.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from postgrest import SyncPostgrestClient

    from extractor.backends.state.supabase.api_keys import KeySource

_SPARE_CONNECTIONS = 4  # the download, and what is listed, read and deleted beside the uploads


class VideoTable(StateStore, Backlog, FailureReader, RowReader, Protocol):
    """A table of rows that wait to be extracted, and all that is asked of one."""


def build_state(settings: Settings) -> StateStore:
    """The state that STATE_BACKEND names, for the worker. Raises `SettingsError`."""
    if settings.state_backend == "supabase":
        from extractor.backends.state.supabase import build_postgrest_client

        return _build_supabase(settings, build_postgrest_client)
    return _build_dynamodb(settings) if settings.state_backend == "dynamodb" else _build_sqlite(settings)


def build_table(settings: Settings) -> VideoTable:
    """The state as a table with a backlog, for the command lines. Raises `SettingsError`."""
    if settings.state_backend == "dynamodb":
        raise SettingsError("STATE_BACKEND: dynamodb has no backlog; its videos are announced by S3 events")
    if settings.state_backend == "sqlite":
        return _build_sqlite(settings)
    from extractor.backends.state.supabase.project import build_project_client

    return _build_supabase(settings, build_project_client)


class _LazyQueue:
    """A queue whose client is built when something is sent: most invocations bury nothing."""

    def __init__(self, build: Callable[[], JobQueue]) -> None:
        self._queue = cache(build)

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        return self._queue().send(messages)


def build_job_queue(settings: Settings) -> ObservableQueue:
    """The queue of videos to do. One attempt for each call: `extractor.enqueue` repeats by itself.

    Raises `SettingsError`.
    """
    if settings.sqs_queue_url is None:
        raise SettingsError("SQS_QUEUE_URL: is not set")
    return _build_queue(settings.sqs_queue_url, attempts=1)


def build_dead_letters(settings: Settings) -> JobQueue | None:
    """The queue of messages that can never succeed, if there is one. Raises `SettingsError`."""
    url = settings.dead_letter_queue_url
    return None if url is None else _LazyQueue(lambda: _build_queue(url, attempts=4))


def build_dead_letter_reader(settings: Settings) -> DeadLetterQueue:
    """The same queue, to be read. Raises `SettingsError`."""
    if settings.dead_letter_queue_url is None:
        raise SettingsError("DEAD_LETTER_QUEUE_URL: is not set")
    from extractor.backends.queues.sqs import SqsDeadLetterQueue, build_sqs_client

    with _aws_settings():
        return SqsDeadLetterQueue(build_sqs_client(attempts=4), settings.dead_letter_queue_url)


def build_object_store(settings: Settings, bucket: str) -> ObjectStore:
    """`bucket`; all buckets share one client. Raises `SettingsError`."""
    from extractor.backends.storage.s3 import S3ObjectStore

    return S3ObjectStore(_s3_client(settings.upload_workers + _SPARE_CONNECTIONS), bucket)


def _build_dynamodb(settings: Settings) -> StateStore:
    from extractor.backends.state.dynamodb.store import DynamoDBStateStore, build_dynamodb_client

    with _aws_settings():
        return DynamoDBStateStore(build_dynamodb_client(), settings.videos_table)


def _build_sqlite(settings: Settings) -> VideoTable:
    from extractor.backends.state.sqlite import SqliteStateStore

    if settings.sqlite_path is None:
        raise SettingsError("SQLITE_PATH: STATE_BACKEND=sqlite needs it")
    return SqliteStateStore(settings.sqlite_path, settings.state_table, parse_columns(settings.state_columns))


def _build_supabase(
    settings: Settings,
    build_client: "Callable[[str, str, str | None, KeySource | None], SyncPostgrestClient]",
) -> VideoTable:
    from extractor.backends.state.supabase import SupabaseStateStore

    if settings.supabase_url is None:
        raise SettingsError("SUPABASE_URL: STATE_BACKEND=supabase needs it")
    url = pasted("SUPABASE_URL", settings.supabase_url).rstrip("/").removesuffix("/rest/v1")
    key, token = _supabase_keys(settings)
    renew = None if settings.supabase_key else lambda: _supabase_keys(settings)
    try:
        client = build_client(url, key, token, renew)
    except ValueError as error:
        raise SettingsError("SUPABASE_URL: is no http or https address") from error
    return SupabaseStateStore(client, settings.state_table, parse_columns(settings.state_columns))


def _supabase_keys(settings: Settings) -> tuple[str, str | None]:
    """The key, and the token of a role if there is one."""
    if settings.supabase_key is not None:
        key = _key("SUPABASE_KEY", settings.supabase_key.get_secret_value())
        if settings.supabase_token is None:
            return key, None
        return key, pasted("SUPABASE_TOKEN", settings.supabase_token.get_secret_value()) or None
    if settings.supabase_key_secret_arn is None:
        raise SettingsError("SUPABASE_KEY: STATE_BACKEND=supabase needs it, or SUPABASE_KEY_SECRET_ARN")
    from extractor.backends.secrets import read_secret

    with _aws_settings():
        fields = read_secret(settings.supabase_key_secret_arn, "SUPABASE_KEY")
    setting = "SUPABASE_KEY_SECRET_ARN: its field "
    key = _key(f"{setting}SUPABASE_KEY", fields["SUPABASE_KEY"])
    return key, pasted(f"{setting}SUPABASE_TOKEN", fields.get("SUPABASE_TOKEN", "")) or None


def _key(setting: str, text: str) -> str:
    if not (key := pasted(setting, text)):
        raise SettingsError(f"{setting}: holds no key")
    return key


def _build_queue(url: str, attempts: int) -> ObservableQueue:
    from extractor.backends.queues.sqs import SqsQueue, build_sqs_client

    if url.endswith(".fifo"):
        raise SettingsError(
            "SQS_QUEUE_URL or DEAD_LETTER_QUEUE_URL: a FIFO queue cannot be used; make a standard one"
        )
    with _aws_settings():
        return SqsQueue(build_sqs_client(attempts), url)


@cache
def _s3_client(max_connections: int) -> "S3Client":
    from extractor.backends.storage.s3 import build_s3_client

    with _aws_settings():
        return build_s3_client(max_connections)


@contextmanager
def _aws_settings() -> Iterator[None]:
    """botocore reads the AWS variables when a client is built, and complains in ways of its own."""
    from botocore.exceptions import BotoCoreError

    from extractor.backends.aws import wrong_setting

    try:
        yield
    except (BotoCoreError, ValueError, OSError) as error:
        raise SettingsError(wrong_setting(error)) from error
