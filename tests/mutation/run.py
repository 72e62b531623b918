"""Applies mutants to a copy of the repository and runs their tests there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.mutation.mutant import Mutant

Verdict = Literal["caught", "survived", "timed out"]

_BUILD = "build"  # programs that were downloaded once; the tests read them


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant; `by` is the first test that failed."""

    mutant: Mutant
    verdict: Verdict
    by: str = ""


@contextmanager
def copy_of(root: Path) -> Iterator[Path]:
    """A copy of the files that git knows or would add. Nothing that is done in it touches `root`."""
    names = subprocess.run(
        ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        copy = Path(directory, "repository")
        for name in filter(None, names.split("\0")):
            source, target = root / name, copy / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        if (root / _BUILD).exists():
            (copy / _BUILD).symlink_to(root / _BUILD)
        yield copy


def check_unchanged(copy: Path, tests: Sequence[str], timeout_seconds: float) -> str:
    """Run the tests on the code as it is; gives what failed, which would otherwise count as caught."""
    run = _pytest(copy, tests, timeout_seconds)
    return "" if run is not None and run.returncode == 0 else _first_failure(run)


def try_mutant(mutant: Mutant, copy: Path, timeout_seconds: float) -> Result:
    """Apply the mutant, run its tests, and take it back. Raises `MutantGoneError`."""
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8")
    path.write_text(mutant.applied_to(text), encoding="utf-8")
    try:
        run = _pytest(copy, mutant.tests, timeout_seconds)
    finally:
        path.write_text(text, encoding="utf-8")
    if run is None:
        return Result(mutant, "timed out")
    return (
        Result(mutant, "survived") if run.returncode == 0 else Result(mutant, "caught", _first_failure(run))
    )


def _pytest(
    copy: Path, tests: Sequence[str], timeout_seconds: float
) -> "subprocess.CompletedProcess[str] | None":
    """`None` if the time is up."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    with subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout_seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # its servers and decoders with it
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise
    return subprocess.CompletedProcess(command, process.returncode, output)


def _first_failure(run: "subprocess.CompletedProcess[str] | None") -> str:
    if run is None:
        return "the time was up"
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
    return found[1] if found else f"exit status {run.returncode}"
