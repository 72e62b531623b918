"""Every script explains itself, from wherever it is called, and has no mistake that a linter finds; and what
calls them in continuous integration is what it says."""

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from local.embedded.child_process import ROOT

SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
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


def test_the_workflow_calls_scripts_that_are_there() -> None:
    called = re.findall(r"\./scripts/([a-z_]+\.sh)", WORKFLOW)
    assert called
    assert set(called) <= {script.name for script in SCRIPTS}


def test_an_action_is_pinned_to_what_nobody_can_move() -> None:
    used = [line for line in WORKFLOW.splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not re.search(r"@[0-9a-f]{40} # v[0-9.]+$", line)] == []
