"""`scripts/ensure_venv.sh` installs what is needed, once, and afresh after an interruption."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.package.conftest import ROOT

_PYTHON = f"""#!/bin/sh
case "$1 $2" in
  "-m venv")
    echo "venv" >> "$LOG"
    rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && cp "$0" "$4/bin/pip"
    printf '#!/bin/sh\\necho "uv $*" >> "$LOG"; exit ${{UV_STATUS:-0}}\\n' > "$4/bin/uv"
    chmod +x "$4/bin/uv" ;;
  "-m pip") echo "pip $*" >> "$LOG"; exit ${{PIP_STATUS:-0}} ;;
  *) exec {sys.executable} "$@" ;;
esac
"""
"""Stands in for Python, its pip, and the uv that this installs; notes what they are asked for."""


@dataclass(frozen=True)
class Project:
    """A copy of the script and of requirement files, without anything that would be downloaded."""

    root: Path

    def ensure(self, *arguments: str, status: int = 0, **variables: str) -> list[str]:
        """Run the script; what was asked of the tools: which of them, and for which files."""
        log = self.root / "log"
        log.unlink(missing_ok=True)
        run = subprocess.run(
            [self.root / "scripts" / "ensure_venv.sh", *arguments],
            env={"PATH": f"{self.root / 'bin'}:/usr/bin:/bin", "LOG": str(log), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == status, run.stderr
        return [self._shown(line) for line in log.read_text().splitlines()] if log.exists() else []

    def _shown(self, line: str) -> str:
        words = line.split()
        assert words[0] == "venv" or "--require-hashes" in words
        return " ".join([words[0], *(Path(word).name for word in words if word.endswith(".txt"))])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "ensure_venv.sh", tmp_path / "scripts")
    for path in ROOT.glob("requirements*.txt"):
        (tmp_path / path.name).write_text("# nothing\n" + path.name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(_PYTHON)
    (tmp_path / "bin" / "python3").chmod(0o755)
    return Project(tmp_path)


TOOLS = "pip requirements-tools.txt"
DEMO = "uv requirements.txt requirements-demo.txt"
TESTS = f"{DEMO} requirements-dev.txt"


def test_the_first_run_installs_what_the_demo_needs_and_the_second_nothing(project: Project) -> None:
    assert project.ensure() == ["venv", TOOLS, DEMO]
    assert project.ensure() == []


def test_the_tests_add_theirs_and_the_demo_is_content_with_that(project: Project) -> None:
    project.ensure()
    assert project.ensure("--tests") == [TOOLS, TESTS]
    assert project.ensure("--tests") == project.ensure() == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-demo.txt", "requirements-dev.txt"])
def test_a_requirement_that_changes_is_installed(project: Project, name: str) -> None:
    project.ensure("--tests")
    (project.root / name).write_text("# something else")
    assert project.ensure("--tests") == [TOOLS, TESTS]


def test_where_uv_cannot_pip_does_it(project: Project) -> None:
    assert project.ensure(UV_STATUS="1") == ["venv", TOOLS, DEMO, DEMO.replace("uv", "pip")]
    assert project.ensure() == []


def test_an_installation_that_fails_starts_afresh(project: Project) -> None:
    project.ensure(PIP_STATUS="1", status=1)
    assert project.ensure() == ["venv", TOOLS, DEMO]


def test_an_unknown_argument_is_refused(project: Project) -> None:
    assert project.ensure("--test", status=2) == []
