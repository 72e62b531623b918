"""Python programs in processes of their own, forked from one in which what they import is imported already.

A command line takes a second to import its clients of outside systems, again and again.
"""

import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

_PRELOADED = [
    "__main__",
    "tests.support.processes",
    "boto3",
    "extractor.__main__",
    "extractor.backends.aws_tools",
    "extractor.backends.state.sqlite",
    "extractor.backends.state.supabase",
    "extractor.enqueue.cli",
    "extractor.reconcile.__main__",
    "local.state",
    "postgrest",
]
_context = get_context("forkserver")
_context.set_forkserver_preload(_PRELOADED)


def run_python(
    arguments: Sequence[object], environment: Mapping[str, str], folder: Path, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run ``python arguments…``, which begin with a script, or with ``-m`` and a module, in `folder`.

    What needs an interpreter of its own, or an open standard stream, is no case for this.
    """
    command = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as name:
        streams = [Path(name, stream) for stream in ("stdin", "stdout", "stderr")]
        streams[0].write_text(stdin)
        process = _context.Process(target=_run, args=(command, dict(environment), folder, streams))
        process.start()
        process.join()
        status = process.exitcode
        process.close()
        assert status is not None
        return subprocess.CompletedProcess(command, status, streams[1].read_text(), streams[2].read_text())


def _run(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, streams: Sequence[Path]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it ends with the process
    os.chdir(folder)
    if command[0] == "-m":
        sys.argv = list(command[1:])
        for module in (command[1], f"{command[1]}.__main__"):  # runpy warns if it was imported before
            sys.modules.pop(module, None)
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(command)
        runpy.run_path(command[0], run_name="__main__")
