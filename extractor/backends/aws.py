"""What the adapters of AWS have in common: how a client is built, and how missing credentials look."""

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import (
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

from extractor.errors import AccessDeniedError

if TYPE_CHECKING:
    from botocore.config import Config

ClientBuilder = Callable[[str, "Config"], Any]
"""Builds a client of a service: `build_client` for the worker,
`extractor.backends.aws_tools.build_boto3_client` for the command lines."""

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    SSOError,
    LoginError,
    TokenRetrievalError,
    NoAuthTokenError,
)

# Which setting is wrong if a client cannot be built.
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
    """One line that names the setting because of which a client cannot be built."""
    names = next((names for kinds, names in _SETTINGS if isinstance(error, kinds)), _ANY_SETTING)
    return f"{names}: {' '.join(str(error).split()) or type(error).__name__}"


@contextmanager
def with_credentials(action: str) -> Iterator[None]:
    """Within, missing credentials are a denial, and so is a file or a program that gives credentials or
    certificates and is not there. Errors of the network are botocore's own."""
    try:
        yield
    except _NO_CREDENTIALS as error:
        raise AccessDeniedError(f"cannot {action} ({type(error).__name__}): {_GIVE_CREDENTIALS}") from error
    except OSError as error:
        raise AccessDeniedError(
            f"cannot {action} ({type(error).__name__}): check {wrong_setting(error)}"
        ) from error


def build_client(service: str, config: "Config") -> Any:
    """A client of botocore, for the worker: it starts faster than boto3's."""
    return botocore_session().create_client(service, config=config)


def botocore_session() -> Session:
    """A session that reads botocore's descriptions of the services with `ModelLoader`, which is faster."""
    session = get_session()
    session.register_component("data_loader", ModelLoader())
    return session


class _Files(JSONFileLoader):
    """Takes another parser than botocore: these files are long."""

    def load_file(self, file_path: str) -> Any:
        with suppress(OSError):
            return msgspec.json.decode(Path(f"{file_path}.json").read_bytes())
        with suppress(OSError):
            return msgspec.json.decode(gzip.decompress(Path(f"{file_path}.json.gz").read_bytes()))
        return None


class ModelLoader(Loader):
    """Finds and reads descriptions of services. Every folder is one: botocore looks what is in each of
    them, and there are some 400. A folder that cannot be read counts as absent: the home of a user without
    rights is one of them."""

    FILE_LOADER_CLASS = _Files

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - as botocore calls it
        services: list[str] = []
        for folder in self.search_paths:
            with suppress(OSError):
                services += os.listdir(folder)  # noqa: PTH208 - Path.iterdir is slower, and asked per start
        return services
