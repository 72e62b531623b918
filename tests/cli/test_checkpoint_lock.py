"""A checkpoint is for one process at a time: a second one ends at once, and a killed one holds nothing."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.cli.lock import lock_checkpoint
from extractor.enqueue.checkpoint import Checkpoint, write_checkpoint
from extractor.errors import SettingsError
from tests.support.servers.http import Answer, Request, forward, serving

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "enqueuer": [str(ROOT / "run_sqs_batches.py")],
    "reconciler": ["-m", "extractor.reconcile", "verify"],
}
PATIENCE = 60


@dataclass
class Gate:
    """An AWS endpoint whose first request waits until it is opened."""

    upstream_url: str
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request) -> Answer:
        self.reached.set()
        assert self.opened.wait(PATIENCE)
        with httpx.Client(base_url=self.upstream_url) as upstream:
            return forward(request, upstream)


@dataclass(frozen=True, slots=True)
class Bench:
    gate: Gate
    folder: Path
    environment: dict[str, str]

    def start(self, command: Sequence[str], *options: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *command, "--checkpoint", "kept", *options],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: Sequence[str], *options: str) -> tuple[int, str, str]:
        with self.start(command, *options) as process:
            output, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, output, errors


@pytest.fixture
def bench(
    tmp_path: Path,
    moto_url: str,
    aws_environment: dict[str, str],
    new_bucket: Callable[[], str],
    new_queue: Callable[[], str],
) -> Iterator[Bench]:
    SqliteStateStore(tmp_path / "state.sqlite", "watched_content").add("abc", is_fetched=True)
    gate = Gate(moto_url)
    with serving(gate) as url:
        environment = {
            **aws_environment,
            "AWS_ENDPOINT_URL": url,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "STATE_BACKEND": "sqlite",
            "SQLITE_PATH": str(tmp_path / "state.sqlite"),
            "S3_BUCKET_VIDEOS": new_bucket(),
            "S3_BUCKET_FRAMES": new_bucket(),
            "SQS_QUEUE_URL": new_queue(),
        }
        yield Bench(gate, tmp_path, environment)
        gate.opened.set()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_second_process_ends_at_once_and_a_killed_one_frees_the_file(
    bench: Bench, command: Sequence[str]
) -> None:
    with bench.start(command) as holder:
        assert bench.gate.reached.wait(PATIENCE)
        before = (bench.folder / "kept").read_bytes()
        status, output, errors = bench.run(command)
        assert (status, output) == (2, "")
        assert "--checkpoint 'kept' is in use by another process" in errors
        assert (bench.folder / "kept").read_bytes() == before
        assert holder.poll() is None
        holder.kill()
    bench.gate.opened.set()
    assert bench.run(command)[0] == 0
    assert [path.name for path in bench.folder.iterdir() if "kept" in path.name] == []


def test_a_dry_run_looks_at_a_checkpoint_that_is_in_use(bench: Bench) -> None:
    with lock_checkpoint(bench.folder / "kept"):
        status, output, _ = bench.run(COMMANDS["enqueuer"], "--dry-run")
    assert (status, output.splitlines()[0][:24]) == (0, "1 video would be queued;")


def test_it_is_held_while_the_file_is_replaced_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    checkpoint = Checkpoint({}, datetime(2026, 7, 1, tzinfo=UTC))
    changes: list[Callable[[], None]] = [lambda: write_checkpoint(path, checkpoint), path.unlink]
    with lock_checkpoint(path):
        for change in changes:
            change()
            with pytest.raises(SettingsError, match="in use by another process"), lock_checkpoint(path):
                pytest.fail("two have it")
    with lock_checkpoint(path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_its_holder_removes_is_not_taken_for_a_held_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder ends between the moment when another one opens the lock and the one when it locks it."""
    path, flock = tmp_path / "kept", fcntl.flock
    removals = iter([tmp_path / ".kept.lock"])

    def flock_late(file: BinaryIO, operation: int) -> None:
        for removed in removals:
            removed.unlink()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    with lock_checkpoint(path):
        assert (tmp_path / ".kept.lock").exists()
        with pytest.raises(SettingsError), lock_checkpoint(path):
            pytest.fail("two have it")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"), lock_checkpoint(tmp_path / "missing" / "kept"):
        pytest.fail("there is nothing to hold")
