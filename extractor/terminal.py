"""What the command lines share: a complete environment, texts that a terminal obeys in nothing, and what
their exit status says."""

import sys
from collections.abc import Callable, MutableMapping

from dotenv import dotenv_values

from extractor.errors import ExtractorError, SettingsError
from extractor.settings import other_names


def complete_environment(environ: MutableMapping[str, str]) -> None:
    """Add what `.env` in the current folder has and the environment has not, under none of its names. Of the
    names of the region, boto3 knows only the older one; Lambda sets both, people set the newer one."""
    given = set(environ)
    for name, value in dotenv_values(".env").items():
        if value is not None and given.isdisjoint(other_names(name)):
            environ[name] = value
    if region := environ.get("AWS_REGION"):
        environ.setdefault("AWS_DEFAULT_REGION", region)


def printable(text: str) -> str:
    """`text` with everything escaped that a terminal might obey."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def exit_status(command: Callable[[], int]) -> int:
    """What the command returns; 2 if its settings are wrong, 3 if something is out of reach, which standard
    error tells, and 130 after Ctrl-C."""
    try:
        return command()
    except SettingsError as error:
        complaint, status = f"error: the settings are wrong: {printable(str(error))}", 2
    except ExtractorError as error:
        complaint, status = f"error: {printable(str(error))}", 3
    except KeyboardInterrupt:
        complaint, status = "interrupted", 130
    sys.stderr.write(f"{complaint}\n")
    return status
