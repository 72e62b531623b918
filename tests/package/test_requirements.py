"""What is installed is what is imported: by the worker in its image, and by the command lines."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from extractor.domain.extras import EXTRAS

ROOT = Path(__file__).parents[2]

_WORKER = """
import importlib, sys


class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {others!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refusing())
import lambda_function
for name in {modules!r}:
    importlib.import_module(name)
"""

# Only command lines import these.
_TOOLS = re.compile(
    r"extractor\.(__main__|cli|dataset|enqueue|reconcile|domain\.costs|media\.scenes\.learned|pipeline\.local(_\w+)?"
    r"|backends\.aws_tools|backends\.storage\.folder|backends\.state\.supabase\.project)\b"
)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _asked(name: str) -> set[str]:
    return _names((ROOT / name).read_text().splitlines())


def _names(requirements: Iterable[str]) -> set[str]:
    return {_normalised(re.split(r"[\[ ;<>=]", line)[0]) for line in requirements if re.match(r"[a-z]", line)}


def _project() -> dict[str, set[str]]:
    """The packages of each extra in pyproject.toml; those of the core under an empty name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: _names(lines) - {_normalised(project["name"])} for extra, lines in asked.items()}


_LEARNED = "learned"
"""The extra that neither `all` nor the environment of the tests has: PyTorch is too large."""


def _installed() -> set[str]:
    """The packages that the environment of the tests has."""
    return set().union(*(packages for extra, packages in _project().items() if extra != _LEARNED))


def _locked(name: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return {_normalised(package): version for package, version in found}


def _imported(paths: Iterator[Path]) -> set[str]:
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def _sources() -> Iterator[Path]:
    yield from (ROOT / "extractor").rglob("*.py")
    yield from (ROOT / "infra").rglob("*.py")
    yield from (ROOT / "local").rglob("*.py")
    yield from (ROOT / "lambda_function.py", ROOT / "run_sqs_batches.py")


def test_every_package_that_is_asked_for_is_imported() -> None:
    distributions = packages_distributions()
    imported = {
        _normalised(package) for module in _imported(_sources()) for package in distributions.get(module, ())
    }
    assert _installed() <= imported


def test_the_image_is_made_of_dependencies_of_the_package() -> None:
    assert _asked("requirements-worker.in") <= _installed()


def test_every_module_of_an_extra_is_known_to_belong_to_it() -> None:
    distributions = packages_distributions()
    for module, extra in EXTRAS.items():
        packages = set(map(_normalised, [module] if extra == _LEARNED else distributions[module]))
        assert packages & _project()[extra], module
        assert not packages & _project()[""], module


def test_the_versions_of_the_image_are_those_of_everybody() -> None:
    everything, worker = _locked("requirements.txt"), _locked("requirements-worker.txt")
    assert worker.items() <= everything.items()


def test_the_worker_imports_nothing_that_its_image_does_not_have() -> None:
    worker = _locked("requirements-worker.txt")
    others = {
        module
        for module, packages in packages_distributions().items()
        if worker.keys().isdisjoint(map(_normalised, packages))
    }
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / "extractor").rglob("*.py"))
    ]
    program = _WORKER.format(others=others, modules=[name for name in modules if not _TOOLS.match(name)])
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["boto3", "supabase"])
def test_the_tools_of_the_command_lines_are_not_in_the_image(name: str) -> None:
    assert name in _locked("requirements.txt")
    assert name not in _locked("requirements-worker.txt")
