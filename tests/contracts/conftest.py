"""The Supabase project that tests of this folder share, with a table for each way a table may be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.supabase import Supabase
from tests.servers.supabase import supabase as running

_SCHEMA = (Path(__file__).parents[2] / "scripts" / "schema.sql").read_text()
_OTHER_TABLES = """
create table three_columns (code text primary key, is_fetched boolean, is_extracted boolean);
create table guarded (code text primary key, is_fetched boolean, is_extracted boolean);
alter table guarded enable row level security;
create policy look on guarded for select using (true);
create table unrelated (id integer primary key);
"""


@pytest.fixture(scope="session")
def supabase_server() -> Iterator[Supabase]:
    with running(_SCHEMA + _OTHER_TABLES) as server:
        yield server


@pytest.fixture
def supabase(supabase_server: Supabase) -> Supabase:
    """The project with all tables empty."""
    supabase_server.database.sql("truncate watched_content, three_columns, guarded, unrelated")
    return supabase_server
