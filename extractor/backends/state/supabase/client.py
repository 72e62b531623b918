"""Build clients of Supabase's database API (PostgREST), retry lost requests, and map errors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from postgrest import APIError, APIResponse, SyncPostgrestClient, SyncSelectRequestBuilder

from extractor.backends.state.supabase.api_keys import ApiKeys, KeySource
from extractor.errors import AccessDeniedError, ExtractorError, SettingsError, StateUnavailableError

_TIMEOUT = httpx.Timeout(15, connect=5)
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)

# A denial is recognised by its HTTP status: each of PostgREST's codes for one (42501, PGRST301, 302, 303) has
# such a status, and the gateway in front of it sends no code. Anything else is a StateUnavailableError; the
# hints say what an operator can do about some codes.
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
    """An update restricted to one row would have changed none or several; it changed none."""


class RefusedValueError(StateUnavailableError):
    """A value does not fit its column (SQLSTATE class 22), or violates a constraint (class 23)."""

    def __init__(self, code: str, columns: Iterable[str] = ()) -> None:
        super().__init__(
            f"the state store refuses a value ({code}) for the column {' or '.join(columns)}: "
            "check the column's type and constraints, and STATE_COLUMNS"
        )
        self.code = code


def build_postgrest_client(
    url: str, key: str, token: str | None = None, renew: KeySource | None = None
) -> SyncPostgrestClient:
    """Build a client of the project's database API.

    The package `supabase` would build the same client after twice the import time.

    Args:
        url: The URL of the Supabase project.
        key: An API key of the project, which its gateway requires.
        token: A JSON web token: requests have the rights of its role instead of those of the key.
        renew: Reads both again when the server rejects them.
    """
    session = _session(url, ApiKeys((key, token), renew, _check))
    return SyncPostgrestClient(f"{url.rstrip('/')}/rest/v1", headers={}, http_client=session)


def exactly_one(update: SyncSelectRequestBuilder) -> SyncSelectRequestBuilder:
    """Restrict an update to one row: it changes none if several match.

    See https://docs.postgrest.org/en/stable/references/api/resource_representation.html#singular-or-plural.
    """
    update.request.headers["Accept"] = "application/vnd.pgrst.object+json"
    return update


def _session(url: str, auth: httpx.Auth) -> httpx.Client:
    """Build the HTTP client; errors in the proxy and certificate variables become `SettingsError`."""
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
    """Return the rows that the query selects, or that the update changed.

    The result is empty if an update with `exactly_one` matches no row or several.
    """
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
    """Execute the query.

    A keep-alive connection may have broken while Lambda froze the process. postgrest retries GET and HEAD
    itself; a PATCH is retried here, once.
    """
    with _mapping_errors():
        try:
            return query.execute()
        except _LOST:
            if query.request.http_method != "PATCH":
                raise
            return query.execute()


def columns_exist(query: SyncSelectRequestBuilder) -> bool:
    """Return whether the table has all columns that the query selects.

    The response names a missing column only in its message text, so it cannot be parsed.
    """
    with _mapping_errors():
        try:
            query.limit(0).execute()
        except APIError as error:
            if error.code not in _UNKNOWN_COLUMN:
                raise
            return False
        return True


def _check(response: httpx.Response) -> None:
    """Raise for denials, errors without a code, and empty responses, which postgrest parses as no rows."""
    if response.status_code in _DENIED or (response.is_error and _has_no_code(response)):
        response.raise_for_status()
    if response.is_success and response.request.method != "HEAD" and not response.content.strip():
        raise StateUnavailableError(
            f"the state store answers with the HTTP status {response.status_code} and nothing else: {_LATER}"
        )


def _has_no_code(response: httpx.Response) -> bool:
    if response.status_code in {503, 520}:  # postgrest retries these
        return False
    try:
        answer = response.json()
    except ValueError:
        return False  # postgrest uses the status as the code
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
