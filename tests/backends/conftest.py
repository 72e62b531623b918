"""The servers that tests of this folder share, with a table for each way a table may be."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extractor.backends.state.columns import STANDARD, Columns
from extractor.backends.state.dynamodb.store import build_dynamodb_client
from extractor.backends.state.supabase import SupabaseStateStore, build_postgrest_client
from tests.backends.state.items import ClientAt, Items
from tests.backends.state.tables import ODD_TABLES, Connect, Table, sqlite_table, supabase_table
from tests.support.servers.supabase import Supabase
from tests.support.servers.supabase import supabase as running

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCHEMA = (Path(__file__).parents[2] / "scripts" / "schema.sql").read_text()
_OTHER_TABLES = """
alter table watched_content add column private text;
create table three_columns (code text primary key, is_fetched boolean, is_extracted boolean);
create table insta_content (
  code text primary key, is_downloaded boolean, is_extracted boolean, frames integer, extract_error text
);
create table guarded (code text primary key, is_fetched boolean, is_extracted boolean);
alter table guarded enable row level security;
create policy look on guarded for select using (true);
create table unrelated (id integer primary key);
"""


@pytest.fixture(scope="session")
def supabase_server() -> Iterator[Supabase]:
    odd = "".join(f"create table {name} ({columns});" for name, columns in ODD_TABLES.items())
    with running(SCHEMA + _OTHER_TABLES + odd) as server:
        yield server


@pytest.fixture
def supabase(supabase_server: Supabase) -> Supabase:
    """The project with all tables empty."""
    supabase_server.database.sql("truncate watched_content, three_columns, insta_content, guarded, unrelated")
    return supabase_server


@pytest.fixture(params=["sqlite", "supabase"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    """An empty table with all columns, in each store that keeps one."""
    if request.param == "sqlite":
        yield sqlite_table(tmp_path / "state.sqlite")
    else:
        with supabase_table(request.getfixturevalue("supabase")) as table:
            yield table


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes stores that do not try again."""
    with ExitStack() as stack:

        def make(
            url: str,
            key: str = "key",
            table: str = "watched_content",
            columns: Columns = STANDARD,
            token: str | None = None,
        ) -> SupabaseStateStore:
            client = stack.enter_context(build_postgrest_client(url, key, token))
            client.retry_enabled = False
            return SupabaseStateStore(client, table, columns)

        yield make


@pytest.fixture
def dynamodb_client(aws_environment: dict[str, str]) -> Iterator["DynamoDBClient"]:
    client = build_dynamodb_client()
    yield client
    client.close()


@pytest.fixture
def new_videos_table(dynamodb_client: "DynamoDBClient") -> Callable[[], str]:
    """Makes a table such as the older system's; gives its name."""

    def make() -> str:
        name = f"videos-{uuid.uuid4().hex}"
        dynamodb_client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "video_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "video_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    return make


@pytest.fixture
def items(dynamodb_client: "DynamoDBClient", new_videos_table: Callable[[], str]) -> Items:
    return Items(dynamodb_client, new_videos_table())


@pytest.fixture
def client_at(aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ClientAt]:
    """Makes clients of another endpoint."""
    clients = []

    def make(endpoint_url: str) -> "DynamoDBClient":
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
        clients.append(build_dynamodb_client())
        return clients[-1]

    yield make
    for client in clients:
        client.close()
