"""Build the database client with the package `supabase`, for the command lines.

That package also loads its clients for storage, functions, authentication and realtime, which takes 0.2 s.
Command lines can afford that; the cold start of the worker cannot, so the worker uses
`build_postgrest_client`.
"""

from postgrest import SyncPostgrestClient
from supabase import ClientOptions, create_client
from supabase.client import SupabaseException

from extractor.backends.state.supabase.api_keys import KeySource
from extractor.backends.state.supabase.client import build_postgrest_client


def build_project_client(
    url: str, key: str, token: str | None = None, renew: KeySource | None = None
) -> SyncPostgrestClient:
    """Build a client of the project's database API.

    Connection and headers are those of `build_postgrest_client`, which decides how keys are sent.

    Args:
        url: The URL of the Supabase project.
        key: An API key of the project.
        token: A JSON web token: requests have the rights of its role.
        renew: Reads both again when the server rejects them.

    Raises:
        ValueError: The URL is invalid.
    """
    worker = build_postgrest_client(url, key, token, renew)
    headers = {name: value for name, value in worker.headers.items() if name != "x-client-info"}
    options = ClientOptions(
        headers={"Authorization": "", **headers},  # without this header it looks for a user session
        httpx_client=worker.session,
        auto_refresh_token=False,
        persist_session=False,
    )
    try:
        project = create_client(url, key, options)
    except SupabaseException as error:
        worker.session.close()
        raise ValueError(error.message) from error
    project.options.headers = headers
    return project.postgrest
