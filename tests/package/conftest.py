"""The wheel, and environments that hold it and nothing else of the project."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and a folder outside of the repository to work in."""

    root: Path
    folder: Path

    def run(self, program: str, *arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a program of the environment; nothing of this process's environment is handed on."""
        return subprocess.run(
            [self.root / "bin" / program, *map(str, arguments)],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    run = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Callable[[str], Environment]:
    """Makes an environment with the wheel and the extras that are named, such as ``[aws]``; the versions are
    the locked ones. Packages come out of uv's cache, and those that are not there from the registry."""

    def make(extras: str) -> Environment:
        folder = tmp_path_factory.mktemp("installed")
        environment = Environment(folder / "venv", folder)
        _uv("venv", "--python", sys.executable, str(environment.root))
        _uv(
            *("pip", "install", "--python", str(environment.root / "bin" / "python")),
            *(
                "--constraint",
                str(ROOT / "requirements.txt"),
                f"oriane-frame-extractor{extras} @ {wheel.as_uri()}",
            ),
        )
        return environment

    return make


def _uv(*arguments: str) -> None:
    program = shutil.which("uv", path=sysconfig.get_path("scripts"))
    assert program, "scripts/ensure_venv.sh installs uv"
    run = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VIRTUAL_ENV": ""},
    )
    assert run.returncode == 0, run.stderr
