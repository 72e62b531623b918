"""Talking to Supabase's database API (PostgREST): sent again where that helps, and every failure is one
of ours."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from postgrest import APIError, APIResponse, SyncPostgrestClient, SyncSelectRequestBuilder

from extractor.errors import AccessDeniedError, ExtractorError, StateUnavailableError

_TIMEOUT = httpx.Timeout(15, connect=5)
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)

# What the server answers. A denial is known by its status: each of PostgREST's own codes for one
# (42501, PGRST301, 302, 303) has such a status, and the gateway before it answers without any code.
# Everything else is StateUnavailableError; some codes tell what an operator can do about it.
# https://docs.postgrest.org/en/stable/references/errors.html
_DENIED = frozenset({401, 403})
_NO_TABLE = "there is no such table; check STATE_TABLE, and that the API exposes its schema"
_NO_COLUMN = "the table needs columns for code, is_fetched and is_extracted; check STATE_COLUMNS"
_HINTS = {
    "42P01": _NO_TABLE,
    "PGRST205": _NO_TABLE,
    "42703": _NO_COLUMN,
    "PGRST204": _NO_COLUMN,
    "57014": "the query took too long; an index on the table helps, see scripts/schema.sql",
}
_UNKNOWN_COLUMN = frozenset({"42703", "PGRST204"})


def build_postgrest_client(url: str, key: str, token: str | None = None) -> SyncPostgrestClient:
    """A client for the Supabase project at `url`. The umbrella package `supabase` would do the same
    after twice the import time.

    `key` is one of the project's API keys: its gateway lets no other one in. With a `token` (a JWT of a
    role of one's own) the requests have that role's rights instead of the key's.
    """
    certificates = not url.lower().startswith("http:")  # reading them takes 30 to 60 ms
    session = httpx.Client(timeout=_TIMEOUT, verify=certificates, event_hooks={"response": [_raise_denied]})
    headers = {"apikey": key, "Authorization": f"Bearer {token or key}"}
    return SyncPostgrestClient(f"{url.rstrip('/')}/rest/v1", headers=headers, http_client=session)


def rows_of(query: SyncSelectRequestBuilder) -> Sequence[Mapping[str, Any]]:
    """What the query selects, or what the update has changed."""
    data: Any = execute(query).data
    if not isinstance(data, list):
        raise StateUnavailableError("the state store does not answer in JSON; check SUPABASE_URL")
    return data


def execute(query: SyncSelectRequestBuilder) -> APIResponse:
    """The answer. A connection that broke while nobody looked (the machine was frozen) shows only in use.
    The client repeats GET and HEAD by itself then; a PATCH is repeated here, once."""
    with _translating():
        try:
            return query.execute()
        except _LOST:
            if query.request.http_method != "PATCH":
                raise
            return query.execute()


def columns_exist(query: SyncSelectRequestBuilder) -> bool:
    """Whether the table has all columns that the query selects. An answer names a missing one in prose."""
    with _translating():
        try:
            query.limit(0).execute()
        except APIError as error:
            if error.code not in _UNKNOWN_COLUMN:
                raise
            return False
        return True


def _raise_denied(response: httpx.Response) -> None:
    if response.status_code in _DENIED:
        response.raise_for_status()


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except (APIError, httpx.HTTPError) as error:
        raise _translate(error) from error


def _translate(error: APIError | httpx.HTTPError) -> ExtractorError:
    if isinstance(error, httpx.HTTPStatusError):
        return AccessDeniedError(
            f"the state store refuses the access ({error.response.status_code}): "
            "check SUPABASE_KEY, its role's grants, and row-level security"
        )
    if isinstance(error, APIError):
        hint = _HINTS.get(error.code or "", "try again later, and check SUPABASE_URL if it stays so")
        return StateUnavailableError(f"the state store answers with the error {error.code}: {hint}")
    return StateUnavailableError(
        f"the state store does not answer ({type(error).__name__}): check SUPABASE_URL and the network"
    )
