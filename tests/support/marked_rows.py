"""Tables in the documentation whose rows are provoked by tests: which test is marked with which row."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs" / "explanation"


def rows(page: str) -> dict[int, str]:
    """The rows of the page in `docs/explanation`: number to the text of the second column."""
    found = re.findall(r"^\| (\d+) \| ([^|]+) \|", (DOCS / page).read_text(), re.MULTILINE)
    return {int(number): text.strip() for number, text in found}


@cache
def marked(marker: str) -> Mapping[int, Sequence[str]]:
    """The tests that have the marker, by the number that it names."""
    found = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, number in _marks(ast.parse(path.read_text()), marker):
            found[number].append(f"{path.relative_to(TESTS)}::{name}")
    return found


def print_table(page: str, marker: str) -> None:
    """Print each row with its tests."""
    tests = marked(marker)
    for number, text in rows(page).items():
        print(f"{number:2} {text}")
        for test in tests.get(number, ("no test!",)):
            print(f"     {test}")


def _marks(tree: ast.Module, marker: str) -> Iterator[tuple[str, int]]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith("test_"):
            continue
        for node in (inner for decorator in function.decorator_list for inner in ast.walk(decorator)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f"mark.{marker}"):
                yield from ((function.name, ast.literal_eval(number)) for number in node.args)
