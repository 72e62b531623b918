"""Complete the environment of a command line: `.env` and the AWS variables."""

from collections.abc import MutableMapping
from pathlib import Path

from extractor.errors import SettingsError
from extractor.settings import other_names


def env_file() -> dict[str, str]:
    """What `.env` in the current folder sets; nothing if it is not there.

    Raises:
        SettingsError: It cannot be read, or is no UTF-8 text.
    """
    if not Path(".env").exists():
        return {}
    from dotenv import dotenv_values  # the image of the worker has neither the file nor the package

    try:
        found = dotenv_values(".env")
    except UnicodeDecodeError as error:
        raise SettingsError("the file .env is no UTF-8 text; save it again as UTF-8") from error
    except OSError as error:
        raise SettingsError(f"the file .env cannot be read: {error.strerror}") from error
    return {name: value for name, value in found.items() if value is not None}


def load_dotenv_defaults(environ: MutableMapping[str, str]) -> None:
    """Add the variables of `.env` in the current folder that the environment does not have under any name.

    Then normalize the AWS variables; see `normalize_aws_variables`.

    Raises:
        SettingsError: `.env` cannot be read.
    """
    given = set(environ)
    for name, value in env_file().items():
        if given.isdisjoint(other_names(name)):
            environ[name] = value
    normalize_aws_variables(environ)


def normalize_aws_variables(environ: MutableMapping[str, str]) -> None:
    """Unset empty AWS variables, and set AWS_DEFAULT_REGION from AWS_REGION.

    boto3 would look for a profile without a name. It reads only AWS_DEFAULT_REGION, and users often set
    AWS_REGION.
    """
    for name in [name for name in environ if name.startswith("AWS_") and not environ[name].strip()]:
        del environ[name]
    if region := environ.get("AWS_REGION"):
        environ.setdefault("AWS_DEFAULT_REGION", region)
