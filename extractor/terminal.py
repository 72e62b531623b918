"""What the command lines share: a complete environment, and texts that a terminal obeys in nothing."""

from collections.abc import MutableMapping

from dotenv import dotenv_values


def complete_environment(environ: MutableMapping[str, str]) -> None:
    """Add what `.env` in the current folder has and the environment has not. Of the names of the region,
    boto3 knows only the older one; Lambda sets both, people set the newer one."""
    for name, value in dotenv_values(".env").items():
        if value is not None:
            environ.setdefault(name, value)
    if region := environ.get("AWS_REGION"):
        environ.setdefault("AWS_DEFAULT_REGION", region)


def printable(text: str) -> str:
    """`text` with everything escaped that a terminal might obey."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
