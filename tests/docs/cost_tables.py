"""What the calculator of costs prints, in docs/explanation/cost.md below each of its commands."""

import re
import shlex
from contextlib import redirect_stdout
from io import StringIO

from benchmarks import cost
from tests.docs import DOCS

COSTS_PAGE = DOCS / "explanation" / "cost.md"
COMMAND = re.compile(
    r"(?P<command>^```\n\.venv/bin/python -m benchmarks\.cost *(?P<arguments>.*)\n```\n\n)"
    r"(?:(?:\||- ).*\n|\n(?=\||- ))+",
    re.MULTILINE,
)
"""A command, and the tables and lists that follow it immediately."""


def render_costs() -> str:
    """Return the page with what the calculator prints now."""
    return COMMAND.sub(
        lambda found: found["command"] + _printed(found["arguments"]), COSTS_PAGE.read_text(encoding="utf-8")
    )


def _printed(arguments: str) -> str:
    output = StringIO()
    with redirect_stdout(output):
        assert cost.main(shlex.split(arguments)) == 0
    return f"{output.getvalue().strip()}\n"
