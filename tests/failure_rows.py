"""Which test provokes which row of docs/failures.md: `python -m tests.failure_rows` prints it."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "failures.md"


def rows() -> dict[int, str]:
    """The rows of the page: number to trigger."""
    found = re.findall(r"^\| (\d+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)
    return {int(number): trigger.strip() for number, trigger in found}


@cache
def provoked() -> Mapping[int, Sequence[str]]:
    """The tests that say that they provoke a row, by its number."""
    found = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, number in _marks(ast.parse(path.read_text())):
            found[number].append(f"{path.relative_to(TESTS)}::{name}")
    return found


def _marks(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith("test_"):
            continue
        for node in (inner for decorator in function.decorator_list for inner in ast.walk(decorator)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.failure_row"):
                yield from ((function.name, ast.literal_eval(number)) for number in node.args)


def main() -> None:
    tests = provoked()
    for number, trigger in rows().items():
        print(f"{number:2} {trigger}")
        for test in tests.get(number, ("no test!",)):
            print(f"     {test}")


if __name__ == "__main__":
    main()
