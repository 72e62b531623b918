"""`python -m tests.docs.architecture_figures [--root CHECKOUT]`: figures of the structure of `extractor/`.

A unit is an entry in the root of the package (a module or a folder) or an entry point beside it. An arrow
leads from one unit to another that it imports. Units are ordered from the top down so that as few arrows as
possible lead upward; an arrow that does is part of a cycle.
"""

import argparse
import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import permutations
from pathlib import Path

from tests.docs import ROOT

_ENTRY_POINTS = ("lambda_function", "run_sqs_batches")

Graph = Mapping[str, set[str]]


def main() -> None:
    """Print the figures as rows of a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.architecture_figures", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout (default: this one)")
    for name, number in figures(parser.parse_args().root).items():
        print(f"| {name} | {number:,} |")


def figures(root: Path) -> dict[str, int]:
    """The figures of a checkout, by name."""
    package = root / "extractor"
    modules = sorted(package.rglob("*.py"))
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in modules]
    graph = unit_graph(root)
    return {
        "modules and packages in the root of `extractor/`": len(
            [path for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
        ),
        "modules": len([path for path in modules if path.name != "__init__.py"]),
        "lines of the longest module": max(lines),
        "units": len(graph),
        "arrows between units": sum(map(len, graph.values())),
        "arrows upward": upward_arrows(graph),
    }


def unit_graph(root: Path) -> Graph:
    """The units, each with those that it imports."""
    paths = [*(root / "extractor").rglob("*.py"), *(root / f"{name}.py" for name in _ENTRY_POINTS)]
    units = {_unit(_module(path, root)) for path in paths} - {"extractor"}
    graph: dict[str, set[str]] = {unit: set() for unit in units}
    for path in paths:
        unit = _unit(_module(path, root))
        if unit in units:
            graph[unit] |= {_unit(name) for name in _imports(path)} & units - {unit}
    return graph


def upward_arrows(graph: Graph) -> int:
    """The least number of arrows that lead upward, in any order of the units."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return sum(_least_upward(graph, cycle) for cycle in _cycles(graph))
    return 0


def _least_upward(graph: Graph, units: frozenset[str]) -> int:
    return min(
        sum(place[target] < place[unit] for unit in units for target in graph[unit] & units)
        for order in permutations(units)
        if (place := {unit: number for number, unit in enumerate(order)})
    )


def _cycles(graph: Graph) -> set[frozenset[str]]:
    """The units that reach each other, where there is more than one of them."""
    reached = {unit: _reach(graph, unit) for unit in graph}
    groups = {frozenset(other for other in reached[unit] if unit in reached[other]) for unit in graph}
    return {group for group in groups if len(group) > 1}


def _reach(graph: Graph, unit: str) -> set[str]:
    found: set[str] = set()
    waiting = [unit]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _module(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _unit(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "extractor" else parts[0]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


if __name__ == "__main__":
    main()
