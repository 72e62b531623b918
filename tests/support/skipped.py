"""What a run of the tests has skipped, and what to install so that it is not."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

_COMMANDS = (
    ("postgres|postgrest|chromium|browser|initdb", "./scripts/install_test_servers.sh"),
    ("test_image|stand-in|docker-registry", "sudo ./scripts/test_image.sh"),
    ("emulator", "install Docker, and ./scripts/invoke_local.sh --docker"),
)
"""A pattern of the reason, and the command that installs what is missing."""


def summary(reasons: Iterable[str]) -> Iterator[str]:
    """The lines that end a run: each reason with its number of tests, then the commands."""
    counted = Counter(reason.removeprefix("Skipped: ") for reason in reasons)
    if not counted:
        return
    yield f"{counted.total()} test{'s were' if counted.total() > 1 else ' was'} skipped:"
    for reason, number in counted.most_common():
        yield f"  {number} x {reason}"
    commands = [
        command
        for pattern, command in _COMMANDS
        if any(re.search(pattern, reason, re.IGNORECASE) for reason in counted)
    ]
    if commands:
        yield "to install what was missing:"
        yield from (f"  {command}" for command in commands)
