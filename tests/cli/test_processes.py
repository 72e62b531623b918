"""Several tasks at a time, in worker processes."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor.cli.processes import WorkerEndedError, results_in_order
from extractor.errors import DecoderNotStartedError


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def _square(number: int) -> int:
    return number * number


@pytest.mark.parametrize(("count", "workers"), [(0, 2), (1, 4), (3, 3), (50, 2), (7, 1)])
def test_results_come_in_the_order_of_the_tasks(count: int, workers: int) -> None:
    assert list(results_in_order(_square, range(count), workers)) == [n * n for n in range(count)]


def _meet(folder: Path) -> int:
    """Wait for another task that does the same."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.01)
    return os.getpid()


def test_tasks_run_at_the_same_time(tmp_path: Path) -> None:
    assert len(set(results_in_order(_meet, [tmp_path, tmp_path], 2))) == 2


def _end_or_square(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_killed_fails_its_own_task_alone(workers: int) -> None:
    first, second, *others = results_in_order(_end_or_square, range(6), workers)
    assert (first, others) == (0, [4, 9, 16, 25])
    assert isinstance(second, WorkerEndedError)
    assert str(second) == "its worker process ended with status -9"


def _wait_for_the_end(folder: Path) -> None:
    started = folder / f"{os.getpid()}"
    try:
        started.touch()
        time.sleep(600)
    finally:
        started.rename(f"{started}.cleaned")


def test_running_tasks_clean_up_when_the_results_are_no_longer_wanted(tmp_path: Path) -> None:
    results = results_in_order(_wait_or_return, [None, tmp_path, tmp_path, tmp_path], 3)
    assert next(results) is None
    while len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.01)
    results.close()
    names = {path.suffix for path in tmp_path.iterdir()}
    assert names == {".cleaned"}


def _wait_or_return(folder: Path | None) -> None:
    if folder is not None:
        _wait_for_the_end(folder)


@pytest.mark.parametrize("room", [1, 2])
def test_fewer_workers_do_it_where_the_system_has_no_room_for_all(
    monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    start = multiprocessing.Process.start
    started: list[multiprocessing.Process] = []

    def limited(process: multiprocessing.Process) -> None:
        if len(started) == room:
            raise BlockingIOError(11, "no more processes")
        started.append(process)
        start(process)

    monkeypatch.setattr(multiprocessing.Process, "start", limited)
    assert list(results_in_order(_square, range(9), 4)) == [n * n for n in range(9)]


def test_no_room_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: multiprocessing.Process) -> None:
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr(multiprocessing.Process, "start", refuse)
    with pytest.raises(DecoderNotStartedError, match="no more processes"):
        next(results_in_order(_square, [1], 2))


class _Fatal:
    """A task that kills its worker while the parent packs the next task."""

    def __init__(self, pids: Path) -> None:
        self.pids = pids

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        for path in self.pids.iterdir():
            os.kill(int(path.name), signal.SIGKILL)
            os.waitid(os.P_PID, int(path.name), os.WEXITED | os.WNOWAIT)
        return (_Fatal, (self.pids,))


def _note_pid(task: object) -> object:
    if isinstance(task, Path):
        (task / str(os.getpid())).touch()
    return None


def test_a_worker_that_ends_before_it_gets_its_next_task_fails_that_task_alone(tmp_path: Path) -> None:
    first, second, third = results_in_order(_note_pid, [tmp_path, _Fatal(tmp_path), "another"], 1)
    assert (first, third) == (None, None)
    assert isinstance(second, WorkerEndedError)
