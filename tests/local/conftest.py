"""Fixtures of the tests that start processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.tiny import HANDLER, Witness


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    (tmp_path / "tiny.py").write_text(HANDLER)
    return tmp_path


@pytest.fixture
def witness(task_root: Path) -> Iterator[Witness]:
    witness = Witness(task_root / "witness")
    yield witness
    witness.close()
