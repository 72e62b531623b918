"""The rules of imports: `[tool.importlinter]` in pyproject.toml, and what a linter of imports cannot see."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from extractor.domain.policy import Strategy

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "extractor").rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def test_imports_go_one_way() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


def test_the_root_of_the_package_has_few_entries() -> None:
    entries = {
        path.name
        for path in (ROOT / "extractor").iterdir()
        if path.suffix in {"", ".py"} and path.name != "__pycache__"
    }
    assert len(entries) <= 17, entries


_READ_THE_ENVIRONMENT = {
    "extractor/on_demand/function.py",  # the entry point of a function
    "extractor/serve/worker.py",  # the entry point of a process
    "extractor/backends/telemetry.py",  # the variables of OpenTelemetry, which its SDK reads itself
}


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_entry_points_read_the_environment(path: Path) -> None:
    may_read = path.relative_to(ROOT).as_posix() in _READ_THE_ENVIRONMENT
    if path.name not in {"__main__.py", "cli.py"} and not may_read:
        assert "environ" not in {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
        }


def test_only_the_modules_of_command_lines_import_ffmpeg_python_and_one_starts_ffmpeg() -> None:
    for name, modules in (
        ("ffmpeg", {"audio_command.py", "command.py", "decoder_input.py"}),
        ("subprocess", {"process.py"}),
    ):
        assert {path.name for path in PACKAGE if name in set(_imports(path))} == modules


def test_every_module_has_a_docstring() -> None:
    for path in PACKAGE:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def _compared_strategies(tree: ast.AST) -> Iterator[str]:
    """The comparisons with the name of a strategy, and the matches of a strategy."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            parts = [part for side in sides for part in ast.walk(side)]
            named = {part.value for part in parts if isinstance(part, ast.Constant)} & {*get_args(Strategy)}
            if named - {"frames"} or (named and "strategy" in ast.unparse(node)):  # a word of many uses
                yield ast.unparse(node)
        elif isinstance(node, ast.Match) and "strategy" in ast.unparse(node.subject):
            yield f"match {ast.unparse(node.subject)}"


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_compares_a_strategy_with_a_name(path: Path) -> None:
    assert list(_compared_strategies(ast.parse(path.read_text()))) == []
