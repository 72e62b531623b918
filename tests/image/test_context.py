"""What goes into the image, and what never can."""

from pathlib import Path

import pytest
from docker.utils import exclude_paths  # type: ignore[import-untyped]

from local.embedded.child_process import ROOT

NEVER = [
    ".env",
    ".env.production",
    "production.env",
    ".git/config",
    ".aws/credentials",
    "README.md",
    "local/demo",
    "requirements.txt",
    "requirements-dev.txt",
    "tests/test_it.py",
    "extractor/.env",
    "extractor/production.env",
    "extractor/media/.env.local",
    "extractor/media/.cache/secret.py",
    "extractor/__pycache__/worker.cpython-313.pyc",
    "extractor/media/__pycache__/frames.cpython-313.pyc",
]
ALWAYS = {
    "requirements-worker.txt",
    "lambda_function.py",
    "extractor/pipeline/worker.py",
    "extractor/media/decode/decoder.py",
}


def _context(root: Path) -> set[str]:
    """The files that an engine sends, by Docker's own rules."""
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in patterns if line and not line.startswith("#")]
    return {name for name in exclude_paths(str(root), patterns) if (root / name).is_file()} - {
        ".dockerignore",
        "Dockerfile",  # an engine needs them, whatever the patterns say
    }


def test_the_context_is_the_code_and_the_locked_requirements() -> None:
    code = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "extractor").rglob("*")
        if path.suffix in (".py", ".js")  # the script of the report lies beside its template
    }
    assert _context(ROOT) == code | {"requirements-worker.txt", "lambda_function.py"}


@pytest.mark.parametrize("name", NEVER)
def test_secrets_and_leftovers_stay_out(tmp_path: Path, name: str) -> None:
    for each in (name, *ALWAYS):
        path = tmp_path / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content")
    assert _context(tmp_path) == ALWAYS


def test_the_dockerfile_copies_nothing_but_what_is_on_the_list() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {
        line.split()[1] for line in lines if line.startswith(("COPY ", "ADD ")) and "--from" not in line
    }
    assert copied == {"requirements-worker.txt", "lambda_function.py", "extractor"}
