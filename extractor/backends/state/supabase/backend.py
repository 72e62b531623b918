"""Open the state store in Supabase from the settings."""

import string
from collections.abc import Callable
from typing import Protocol

from postgrest import SyncPostgrestClient
from pydantic import SecretStr

from extractor.backends.aws import ClientBuilder, build_client, mapping_settings_errors
from extractor.backends.state.columns import parse_columns
from extractor.backends.state.supabase.api_keys import Keys, KeySource
from extractor.backends.state.supabase.client import build_postgrest_client
from extractor.backends.state.supabase.store import SupabaseStateStore
from extractor.errors import SettingsError

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"  # byte order mark, zero-width characters, soft hyphen
_QUOTATION_MARKS = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_AROUND = string.whitespace + "\u00a0\u2028\u2029\u202f" + _INVISIBLE + _QUOTATION_MARKS


class SupabaseSettings(Protocol):
    """The settings that this store reads."""

    @property
    def supabase_url(self) -> str | None: ...
    @property
    def supabase_key(self) -> SecretStr | None: ...
    @property
    def supabase_token(self) -> SecretStr | None: ...
    @property
    def supabase_key_secret_arn(self) -> str | None: ...
    @property
    def state_table(self) -> str: ...
    @property
    def state_columns(self) -> str: ...


def open_state(settings: SupabaseSettings) -> SupabaseStateStore:
    """Open the store for the worker, with the client that starts faster."""
    return _open(settings, build_postgrest_client, build_client)


def open_table(settings: SupabaseSettings) -> SupabaseStateStore:
    """Open the store for the command lines, with the client of the package `supabase`."""
    from extractor.backends.aws_tools import build_boto3_client
    from extractor.backends.state.supabase.project import build_project_client

    return _open(settings, build_project_client, build_boto3_client)


def _open(
    settings: SupabaseSettings,
    build_database_client: Callable[[str, str, str | None, KeySource | None], SyncPostgrestClient],
    aws_clients: ClientBuilder,
) -> SupabaseStateStore:
    if settings.supabase_url is None:
        raise SettingsError("SUPABASE_URL: STATE_BACKEND=supabase needs it")
    url = _stripped("SUPABASE_URL", settings.supabase_url).rstrip("/").removesuffix("/rest/v1")
    key, token = _read_keys(settings, aws_clients)
    renew = None if settings.supabase_key else lambda: _read_keys(settings, aws_clients)
    try:
        client = build_database_client(url, key, token, renew)
    except ValueError as error:
        raise SettingsError("SUPABASE_URL: is no http or https address") from error
    return SupabaseStateStore(client, settings.state_table, parse_columns(settings.state_columns))


def _read_keys(settings: SupabaseSettings, aws_clients: ClientBuilder) -> Keys:
    """Return the API key, and the token of a role or ``None``, from the environment or from the secret."""
    if settings.supabase_key is not None:
        key = _api_key("SUPABASE_KEY", settings.supabase_key.get_secret_value())
        if settings.supabase_token is None:
            return key, None
        return key, _stripped("SUPABASE_TOKEN", settings.supabase_token.get_secret_value()) or None
    if settings.supabase_key_secret_arn is None:
        raise SettingsError("SUPABASE_KEY: STATE_BACKEND=supabase needs it, or SUPABASE_KEY_SECRET_ARN")
    from extractor.backends.secrets import read_secret

    with mapping_settings_errors():
        fields = read_secret(settings.supabase_key_secret_arn, "SUPABASE_KEY", aws_clients)
    setting = "SUPABASE_KEY_SECRET_ARN: its field "
    key = _api_key(f"{setting}SUPABASE_KEY", fields["SUPABASE_KEY"])
    return key, _stripped(f"{setting}SUPABASE_TOKEN", fields.get("SUPABASE_TOKEN", "")) or None


def _api_key(setting: str, text: str) -> str:
    if not (key := _stripped(setting, text)):
        raise SettingsError(f"{setting}: holds no key")
    return key


def _stripped(setting: str, text: str) -> str:
    """Return a key or a URL without the white space, quotation marks and invisible characters around it.

    Raises:
        SettingsError: It contains other characters than printable ASCII. The message names the setting and
            does not show its value.
    """
    stripped = text.strip(_AROUND)
    if not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise SettingsError(f"{setting}: has characters that no key or address has; copy it again")
    return stripped
