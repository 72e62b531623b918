"""The same client of the database API by way of the package `supabase`, for the command-line tools.

That package also loads what it has for files, functions, accounts and live updates. That takes 0.2 s, which a
command line can spare and the cold start of the worker cannot: the worker takes `build_postgrest_client`.
"""

from postgrest import SyncPostgrestClient
from supabase import ClientOptions, create_client
from supabase.client import SupabaseException

from extractor.backends.state.supabase.api_keys import KeySource
from extractor.backends.state.supabase.client import build_postgrest_client


def build_project_client(
    url: str, key: str, token: str | None = None, renew: KeySource | None = None
) -> SyncPostgrestClient:
    """The client of the project's database API.

    Its connection and its headers are those of `build_postgrest_client`: how a key is sent is decided there.

    Args:
        url: The address of the Supabase project.
        key: One of the project's API keys.
        token: A JSON web token of the role whose rights the requests shall have.
        renew: See `build_postgrest_client`.

    Raises:
        ValueError: The address is none.
    """
    worker = build_postgrest_client(url, key, token, renew)
    headers = {name: value for name, value in worker.headers.items() if name != "x-client-info"}
    options = ClientOptions(
        headers={"Authorization": "", **headers},  # without one, it looks for the session of a user
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
