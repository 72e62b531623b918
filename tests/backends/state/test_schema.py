"""scripts/schema.sql makes what is missing, wherever it is run, and as often as it is run."""

from collections.abc import Iterator

import pytest

from tests.backends.conftest import SCHEMA
from tests.support.servers.postgres import Postgres, postgres

_COLUMNS = """
select column_name from information_schema.columns
where table_name = 'watched_content' order by ordinal_position
"""


@pytest.fixture(scope="module")
def plain() -> Iterator[Postgres]:
    """A PostgreSQL without Supabase's roles."""
    with postgres() as database:
        yield database


def test_a_table_of_three_columns_keeps_its_rows_and_gets_the_others(plain: Postgres) -> None:
    plain.sql(
        "create table watched_content (code text primary key, is_fetched boolean, is_extracted boolean);"
        "insert into watched_content values ('a', true, null)"
    )
    for _ in range(2):
        plain.sql(SCHEMA)
    assert plain.sql("select code, is_fetched, is_extracted, extract_error from watched_content") == "a|t||\n"
    assert plain.sql(_COLUMNS).split() == [
        *("code", "is_fetched", "is_extracted"),
        *("extract_error", "frame_count", "extracted_at", "enqueued_at", "fetched_at"),
    ]


def test_the_worker_s_role_is_made_and_postgrest_s_role_may_take_it(plain: Postgres) -> None:
    plain.sql("drop table if exists watched_content")
    plain.sql(SCHEMA)
    plain.sql("insert into watched_content (code, is_fetched) values ('a', true)")
    taken = "set session authorization authenticator; set role frame_extractor;"
    flip = "update watched_content set is_extracted = true where code = 'a' returning code"
    assert plain.sql(f"{taken} {flip}") == "a\n"
    with pytest.raises(AssertionError, match="permission denied"):
        plain.sql(f"{taken} delete from watched_content")
