"""The state stores that the proof is run over: as a worker opens them, and as they look from behind."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.session import get_session
from postgrest import SyncPostgrestClient

from extractor.backends.state.base import StateStore
from extractor.backends.state.dynamodb.store import DynamoDBStateStore, build_dynamodb_client
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.backends.state.supabase import SupabaseStateStore, build_postgrest_client
from extractor.domain import keys
from extractor.domain.jobs import SourceVideo
from tests.support.servers.supabase import Supabase, supabase

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "watched_content"
SCHEMA = Path(__file__).parents[2] / "scripts" / "schema.sql"

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Known:
    """What a state says of a video, if it `is_there`."""

    is_extracted: bool = False
    failure: str | None = None
    is_there: bool = True


class Store(Protocol):
    """A state store of which each worker process opens its own."""

    @property
    def name(self) -> str: ...

    def open(self, now: Clock) -> StateStore:
        """As a worker does, at a time that `now` tells in seconds."""
        ...

    def add(self, code: str) -> None:
        """Make it known that the video is fetched."""
        ...

    def look(self, code: str, video: SourceVideo) -> Known: ...


@dataclass(frozen=True, slots=True)
class Sqlite:
    path: Path
    name: str = "sqlite"

    def open(self, now: Clock) -> StateStore:
        return SqliteStateStore(self.path, TABLE)

    def add(self, code: str) -> None:
        SqliteStateStore(self.path, TABLE).add(code, is_fetched=True)

    def look(self, code: str, video: SourceVideo) -> Known:
        with closing(sqlite3.connect(self.path)) as connection:
            query = f"SELECT is_extracted, extract_error FROM {TABLE} WHERE code = ?"
            row = connection.execute(query, (code,)).fetchone()
        return Known(bool(row[0]), row[1]) if row else Known(is_there=False)


@dataclass(frozen=True, slots=True)
class OnSupabase:
    server: Supabase
    admin: SyncPostgrestClient
    name: str = "supabase"

    def open(self, now: Clock) -> StateStore:
        token = self.server.token("frame_extractor")
        return SupabaseStateStore(build_postgrest_client(self.server.url, self.server.anon_key, token), TABLE)

    def add(self, code: str) -> None:
        self.admin.table(TABLE).insert({"code": code, "is_fetched": True}).execute()

    def look(self, code: str, video: SourceVideo) -> Known:
        rows: Any = self.admin.table(TABLE).select("*").eq("code", code).execute().data
        return Known(rows[0]["is_extracted"], rows[0]["extract_error"])


@dataclass(frozen=True, slots=True)
class DynamoDB:
    """`client` is for who looks on. Only forked processes use the other: building one takes each of them
    far longer."""

    client: "DynamoDBClient"
    unused: "DynamoDBClient"
    name: str = "dynamodb"

    def open(self, now: Clock) -> StateStore:
        return DynamoDBStateStore(self.unused, TABLE, now=now)

    def add(self, code: str) -> None:
        """An item comes to be when a worker begins with it."""

    def look(self, code: str, video: SourceVideo) -> Known:
        key: Any = {"video_id": {"S": keys.content_id(video)}}
        item = self.client.get_item(TableName=TABLE, Key=key).get("Item", {})
        status = item.get("status", {}).get("S")
        return Known(status == "processed", item.get("error", {}).get("S") if status == "failed" else None)


@contextmanager
def on_sqlite(directory: Path) -> Iterator[Store]:
    yield Sqlite(directory / "state.sqlite")


@contextmanager
def on_supabase(directory: Path) -> Iterator[Store]:
    with (
        supabase(SCHEMA.read_text()) as server,
        build_postgrest_client(server.url, server.service_key) as admin,
    ):
        yield OnSupabase(server, admin)


@contextmanager
def on_dynamodb(directory: Path) -> Iterator[Store]:
    client = cast("DynamoDBClient", get_session().create_client("dynamodb"))
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "video_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "video_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with closing(client):
        yield DynamoDB(client, build_dynamodb_client())
        client.delete_table(TableName=TABLE)


STORES = {"sqlite": on_sqlite, "supabase": on_supabase, "dynamodb": on_dynamodb}
