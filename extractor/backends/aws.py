"""Build botocore clients quickly, and map missing or invalid AWS credentials to domain errors."""

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import (
    BotoCoreError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidRegionError,
    LoginError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session, get_session

from extractor.errors import AccessDeniedError, SettingsError

if TYPE_CHECKING:
    from botocore.config import Config

ClientBuilder = Callable[[str, "Config"], Any]
"""Builds an AWS client from a service name and a configuration: `build_client` in the worker,
`extractor.backends.aws_tools.build_boto3_client` in the command lines."""

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    SSOError,
    LoginError,
    TokenRetrievalError,
    NoAuthTokenError,
)

# The settings to check, by the exception that building a client raised.
_SETTINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (ProfileNotFound, "AWS_PROFILE"),
    ((NoRegionError, InvalidRegionError), "AWS_REGION"),
    ((ConfigParseError, ConfigNotFound, UnicodeError), "AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE"),
    (_NO_CREDENTIALS, "AWS_PROFILE or AWS_CONFIG_FILE"),
    (
        (OSError, JSONDecodeError),
        "AWS_CONFIG_FILE (credential_process), AWS_WEB_IDENTITY_TOKEN_FILE or AWS_CA_BUNDLE",
    ),
)
_GIVE_CREDENTIALS = (
    "there are no valid credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
    "or sign in again"
)
_ANY_SETTING = "AWS_REGION, AWS_PROFILE or AWS_ENDPOINT_URL"


def wrong_setting(error: Exception) -> str:
    """Return one line that names the setting to check after a client could not be built.

    Args:
        error: The exception that botocore raised.
    """
    names = next((names for kinds, names in _SETTINGS if isinstance(error, kinds)), _ANY_SETTING)
    return f"{names}: {' '.join(str(error).split()) or type(error).__name__}"


@contextmanager
def mapping_settings_errors() -> Iterator[None]:
    """Map errors of building a client in the block to `SettingsError`.

    botocore reads the AWS settings when a client is built.
    """
    try:
        yield
    except (BotoCoreError, ValueError, OSError) as error:
        raise SettingsError(wrong_setting(error)) from error


@contextmanager
def with_credentials(action: str) -> Iterator[None]:
    """Map missing credentials, and files or programs that supply them and are absent, to `AccessDeniedError`.

    Args:
        action: What the block does, for the message: "cannot `action`".

    Raises:
        AccessDeniedError: There are no valid credentials, or a file or program of the configuration
            cannot be read or run. Network errors of botocore pass through.
    """
    try:
        yield
    except _NO_CREDENTIALS as error:
        raise AccessDeniedError(f"cannot {action} ({type(error).__name__}): {_GIVE_CREDENTIALS}") from error
    except OSError as error:
        raise AccessDeniedError(
            f"cannot {action} ({type(error).__name__}): check {wrong_setting(error)}"
        ) from error


def build_client(service: str, config: "Config") -> Any:
    """Build a botocore client, for the worker: it starts faster than a boto3 client.

    Args:
        service: The service name, such as ``s3``.
        config: Timeouts, retries and the size of the connection pool.
    """
    return botocore_session().create_client(service, config=config)


def botocore_session() -> Session:
    """Return a botocore session that reads service models with the faster `ModelLoader`."""
    session = get_session()
    session.register_component("data_loader", ModelLoader())
    return session


class _Files(JSONFileLoader):
    """Parses service models with msgspec, because they are large JSON files."""

    def load_file(self, file_path: str) -> Any:
        with suppress(OSError):
            return msgspec.json.decode(Path(f"{file_path}.json").read_bytes())
        with suppress(OSError):
            return msgspec.json.decode(gzip.decompress(Path(f"{file_path}.json.gz").read_bytes()))
        return None


class ModelLoader(Loader):
    """Finds and reads botocore's service models.

    Every directory in a search path counts as a service: botocore would look into each of about 400.
    A directory that cannot be read, such as the home of a user without rights, counts as absent.
    """

    FILE_LOADER_CLASS = _Files

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - signature of botocore
        services: list[str] = []
        for folder in self.search_paths:
            with suppress(OSError):
                services += os.listdir(folder)  # noqa: PTH208 - Path.iterdir is slower
        return services
