"""Run a command to its end, and measure it by the resource usage that the kernel reports for it."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.support.clips import ROOT
from benchmarks.support.results import Cost

PATIENCE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended; `cost` includes the children that it has waited for."""

    status: int
    cost: Cost
    stderr: str


class CommandFailedError(Exception):
    """A command that must succeed did not."""


def run(argv: Sequence[str]) -> Ended:
    """Run a command from the root of the repository; kill it after `PATIENCE_SECONDS`."""
    with tempfile.TemporaryFile() as stderr:
        started = time.monotonic()
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        timer = threading.Timer(PATIENCE_SECONDS, kill_session, [process.pid])
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            kill_session(process.pid)
            process.wait()
            raise
        finally:
            timer.cancel()
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        stderr.seek(0)
        text = stderr.read().decode(errors="replace")
    return Ended(process.returncode, Cost(usage.ru_utime + usage.ru_stime, wall), text)


def kill_session(leader: int) -> None:
    """Kill a process that leads a session of its own, and its children."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def run_well(argv: Sequence[str]) -> Cost:
    """Run a command that must succeed. Raises `CommandFailedError` if it does not."""
    ended = run(argv)
    if ended.status != 0:
        raise CommandFailedError(f"{argv[0]} ended with status {ended.status}: {ended.stderr[-500:]}")
    return ended.cost
