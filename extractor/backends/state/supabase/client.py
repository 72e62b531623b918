"""Talking to Supabase's database API (PostgREST): sent again where that helps, and every failure is one
of ours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from postgrest import APIError, APIResponse, SyncPostgrestClient, SyncSelectRequestBuilder

from extractor.backends.state.supabase.api_keys import ApiKeys, KeySource
from extractor.errors import AccessDeniedError, ExtractorError, SettingsError, StateUnavailableError

_TIMEOUT = httpx.Timeout(15, connect=5)
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)

# What the server answers. A denial is known by its status: each of PostgREST's own codes for one
# (42501, PGRST301, 302, 303) has such a status, and the gateway before it answers without any code.
# Everything else is StateUnavailableError; some codes tell what an operator can do about it.
# https://docs.postgrest.org/en/stable/references/errors.html
_DENIED = frozenset({401, 403})
_NO_TABLE = "there is no such table; check STATE_TABLE, and that the API exposes its schema"
_NO_COLUMN = "the table needs columns for code, is_fetched and is_extracted; check STATE_COLUMNS"
_NO_FLAG = "the columns for is_fetched and is_extracted must be of the type boolean; check STATE_COLUMNS"
_LATER = "try again later, and check SUPABASE_URL if it stays so"
_HINTS = {
    "42P01": _NO_TABLE,
    "PGRST205": _NO_TABLE,
    "42703": _NO_COLUMN,
    "PGRST204": _NO_COLUMN,
    "42804": _NO_FLAG,
    "42883": _NO_FLAG,
    "57014": "the query took too long; an index on the table helps, see scripts/schema.sql",
    # Statuses of the gateway: https://supabase.com/docs/guides/troubleshooting/http-status-codes
    "402": "the project has used up its quota",
    "429": "too many requests; try again later",
    "540": "the project is paused; restore it in Supabase's dashboard",
    "544": "the project's database did not answer in time; try again later",
}
_NOT_ONE_ROW = "PGRST116"
_UNKNOWN_COLUMN = frozenset({"42703", "PGRST204"})


class NotOneRowError(StateUnavailableError):
    """An update of exactly one row would have changed none or several, and has changed none."""


class RefusedValueError(StateUnavailableError):
    """A value does not fit its column (SQLSTATE class 22), or breaks a constraint (class 23)."""

    def __init__(self, code: str, columns: Iterable[str] = ()) -> None:
        super().__init__(
            f"the state store refuses a value ({code}) for the column {' or '.join(columns)}: "
            "check the column's type and constraints, and STATE_COLUMNS"
        )
        self.code = code


def build_postgrest_client(
    url: str, key: str, token: str | None = None, renew: KeySource | None = None
) -> SyncPostgrestClient:
    """A client for the Supabase project at `url`. The umbrella package `supabase` would do the same
    after twice the import time.

    `key` is one of the project's API keys: its gateway lets no other one in. With a `token` (a JWT of a
    role of one's own) the requests have that role's rights instead of the key's. `renew` reads both again
    where they are kept; it is called when the gateway refuses them.
    """
    session = _session(url, ApiKeys((key, token), renew, _check))
    return SyncPostgrestClient(f"{url.rstrip('/')}/rest/v1", headers={}, http_client=session)


def exactly_one(update: SyncSelectRequestBuilder) -> SyncSelectRequestBuilder:
    """The update, which then changes one row, or none at all if more would match.
    https://docs.postgrest.org/en/stable/references/api/resource_representation.html#singular-or-plural"""
    update.request.headers["Accept"] = "application/vnd.pgrst.object+json"
    return update


def _session(url: str, auth: httpx.Auth) -> httpx.Client:
    """httpx reads the proxies and certificates of the environment, and complains in ways of its own."""
    certificates = not url.lower().startswith("http:")  # reading them takes 30 to 60 ms
    try:
        return httpx.Client(timeout=_TIMEOUT, verify=certificates, auth=auth)
    except ImportError as error:
        raise SettingsError("ALL_PROXY, HTTPS_PROXY: SOCKS is not supported; name an HTTP proxy") from error
    except OSError as error:
        raise SettingsError(f"SSL_CERT_FILE or SSL_CERT_DIR: {error}") from error
    except (ValueError, httpx.InvalidURL) as error:
        names = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY or NO_PROXY"
        raise SettingsError(f"{names}: {error}; write IPv6 addresses without brackets") from error


def rows_of(query: SyncSelectRequestBuilder) -> Sequence[Mapping[str, Any]]:
    """What the query selects, or what the update has changed. None also for `exactly_one` that is not."""
    try:
        data: Any = execute(query).data
    except NotOneRowError:
        return ()
    if isinstance(data, dict):
        return (data,)
    if not isinstance(data, list):
        raise StateUnavailableError("the state store does not answer in JSON; check SUPABASE_URL")
    return data


def execute(query: SyncSelectRequestBuilder) -> APIResponse:
    """The answer. A connection that broke while nobody looked (the machine was frozen) shows only in use.
    The client repeats GET and HEAD by itself then; a PATCH is repeated here, once."""
    with _mapping_errors():
        try:
            return query.execute()
        except _LOST:
            if query.request.http_method != "PATCH":
                raise
            return query.execute()


def columns_exist(query: SyncSelectRequestBuilder) -> bool:
    """Whether the table has all columns that the query selects. An answer names a missing one in prose."""
    with _mapping_errors():
        try:
            query.limit(0).execute()
        except APIError as error:
            if error.code not in _UNKNOWN_COLUMN:
                raise
            return False
        return True


def _check(response: httpx.Response) -> None:
    """Raises for a denial, for an error without a code, and for an empty answer, which the client would take
    for one without rows. Its body has been read."""
    if response.status_code in _DENIED or (response.is_error and _has_no_code(response)):
        response.raise_for_status()
    if response.is_success and response.request.method != "HEAD" and not response.content.strip():
        raise StateUnavailableError(
            f"the state store answers with the HTTP status {response.status_code} and nothing else: {_LATER}"
        )


def _has_no_code(response: httpx.Response) -> bool:
    if response.status_code in {503, 520}:  # the client tries again
        return False
    try:
        answer = response.json()
    except ValueError:
        return False  # the client takes the status for the code
    return not (isinstance(answer, dict) and answer.get("code"))


@contextmanager
def _mapping_errors() -> Iterator[None]:
    try:
        yield
    except (APIError, httpx.HTTPError) as error:
        raise _to_domain_error(error) from error


def _to_domain_error(error: APIError | httpx.HTTPError) -> ExtractorError:
    if isinstance(error, httpx.HTTPStatusError):
        return _refused(str(error.response.status_code), error.response.status_code in _DENIED)
    if isinstance(error, APIError):
        return _refused(error.code or "without a code", is_denied=False)
    return StateUnavailableError(
        f"the state store does not answer ({type(error).__name__}): check SUPABASE_URL and the network"
    )


def _refused(code: str, is_denied: bool) -> ExtractorError:
    if is_denied:
        return AccessDeniedError(
            f"the state store refuses the access ({code}): "
            "check SUPABASE_KEY, its role's grants, and row-level security"
        )
    if len(code) == 5 and code.startswith(("22", "23")):
        return RefusedValueError(code)
    if code == _NOT_ONE_ROW:
        return NotOneRowError("not exactly one row")
    kind = "HTTP status" if code.isdigit() and len(code) == 3 else "error"
    return StateUnavailableError(
        f"the state store answers with the {kind} {code}: {_HINTS.get(code, _LATER)}"
    )
