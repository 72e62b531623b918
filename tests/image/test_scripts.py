"""Every script explains itself, from wherever it is called, and has no mistake that a linter finds."""

import subprocess
import sysconfig
from pathlib import Path

import pytest

from local.child import ROOT

SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
SHELLCHECK = Path(sysconfig.get_path("scripts"), "shellcheck")

scripts = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


@scripts
def test_a_script_explains_itself_from_any_folder(script: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [script, "--help"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "usage:" in run.stdout.lower()
    assert script.name in run.stdout
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []


@scripts
def test_a_script_has_no_mistake_that_shellcheck_finds(script: Path) -> None:
    run = subprocess.run(
        [SHELLCHECK, "--severity=style", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
