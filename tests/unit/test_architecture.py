"""Who may import whom. Whoever breaks the picture in docs/architecture.md breaks this."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "extractor").rglob("*.py"))

EDGES = {"settings", "bootstrap", "station", "telemetry"}
USE_CASES = {"worker", "pipeline", "backlog", "source", "extraction", "uploads", "local_files"}

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "policy": set(),
    "models": {"policy"},
    "layout_template": set(),
}

FORBIDDEN = {
    "media": EDGES | USE_CASES | {"adapters", "ports", "manifest", "manifest_records", "messages", "keys"},
    "adapters": EDGES | USE_CASES | {"media", "manifest", "manifest_records"},
    "ports": EDGES | USE_CASES | {"adapters", "media", "manifest", "manifest_records"},
    "manifest_records": EDGES | USE_CASES | {"adapters", "media", "manifest"},
    "layout": EDGES | USE_CASES | {"adapters", "media"},
    "video_message": EDGES | USE_CASES | {"adapters", "media"},
    "s3_events": EDGES | USE_CASES | {"adapters", "media"},
    "columns": EDGES | USE_CASES | {"adapters", "media"},
    "state_values": EDGES | USE_CASES | {"adapters", "media"},
    "video_items": EDGES | USE_CASES | {"adapters", "media"},
    "reconcile": {"pipeline", "worker", "media", "telemetry", "station"},
    "worker": EDGES | {"adapters", "media"},
    "pipeline": EDGES | {"adapters", "media"},
    "backlog": EDGES | {"adapters", "media", "pipeline"},
    "source": EDGES | {"adapters", "media"},
    "extraction": EDGES | {"adapters"},
    "uploads": EDGES | {"adapters", "media"},
}

OUTSIDE = {
    "botocore": {"bootstrap", "adapters"},
    "postgrest": {"bootstrap", "adapters"},
    "ffmpeg": {"media"},
    "subprocess": {"media"},
    "aws_lambda_powertools": {"telemetry"},
}


def _home(path: Path) -> str:
    """The module of the package, or its subpackage."""
    return path.relative_to(ROOT / "extractor").parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_picture(path: Path) -> None:
    home = _home(path)
    for name in _imports(path):
        first, _, rest = name.partition(".")
        if first == "extractor" and rest:
            target = rest.partition(".")[0]
            allowed = target in ALLOWED.get(home, {target}) and target not in FORBIDDEN.get(home, set())
            assert target == home or allowed, name
        elif first in OUTSIDE:
            assert home in OUTSIDE[first], name


def test_adapters_import_only_what_those_of_aws_have_in_common() -> None:
    adapters = ROOT / "extractor/backends"
    for path in adapters.rglob("*.py"):
        home = path.relative_to(adapters).parts[0].removesuffix(".py")
        used = {name.split(".")[2] for name in _imports(path) if name.startswith("extractor.backends.")}
        assert used <= {home, "aws"}, path


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_edges_read_the_environment(path: Path) -> None:
    if path.name != "__main__.py":
        assert "environ" not in {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
        }


def test_only_command_py_imports_ffmpeg_python_and_only_process_py_starts_processes() -> None:
    for name, module in (("ffmpeg", "command.py"), ("subprocess", "process.py")):
        users = [path.name for path in PACKAGE if name in set(_imports(path))]
        assert users == [module]


def test_every_module_says_what_it_is() -> None:
    for path in PACKAGE:
        if path.read_text().strip():
            assert ast.get_docstring(ast.parse(path.read_text())), path
