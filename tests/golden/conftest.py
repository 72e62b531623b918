"""The option that rewrites the golden files, and the comparison with them."""

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.enqueue.conftest import setup
from tests.handler.conftest import logs, server, settings, world

__all__ = ["logs", "server", "settings", "setup", "world"]

DATA = Path(__file__).parent / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite tests/golden/data with what the code does now (run it as: pytest tests/golden)",
    )


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the golden file of that name, word by word: where lines are broken depends on
    the version of Python."""
    update = bool(request.config.getoption("--update-golden", default=False))

    def check(name: str, text: str) -> None:
        path = DATA / name
        if update:
            path.write_text(text, encoding="utf-8")
        expected = path.read_text(encoding="utf-8")
        if text.split() != expected.split():
            lines = difflib.unified_diff(expected.splitlines(), text.splitlines(), name, "now", lineterm="")
            pytest.fail("\n".join(lines), pytrace=False)

    return check
