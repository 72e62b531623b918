"""Videos that are on a disk at the same time share its free space."""

import shutil
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest

from extractor.errors import DeadlineError, TooLargeError
from extractor.pipeline.disk_space import DiskSpace, Reservation


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A disk with 100 free bytes, which a test may change."""
    usage = SimpleNamespace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    return usage


def _later() -> float:
    return time.monotonic() + 600


@pytest.mark.usefixtures("disk")
def test_a_file_that_does_not_fit_on_an_empty_disk_is_too_large(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path)
    with pytest.raises(TooLargeError, match="101 bytes"), space.reserve(101, _later(), lambda: None):
        pass
    with space.reserve(100, _later(), lambda: None):
        pass


@pytest.mark.usefixtures("disk")
def test_space_that_another_file_will_take_is_not_given_away(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path)
    with space.reserve(60, _later()):
        with pytest.raises(DeadlineError), space.reserve(41, _later()):
            pass
        with space.reserve(40, _later()):
            pass
        with pytest.raises(DeadlineError), space.reserve(41, time.monotonic(), lambda: None):
            pass


def test_a_written_file_counts_by_the_free_space_alone(disk: SimpleNamespace, tmp_path: Path) -> None:
    space = DiskSpace(tmp_path)
    with space.reserve(60, _later()) as reservation:
        disk.free = 40
        space.mark_written(reservation)
        with space.reserve(40, _later()):
            pass


@pytest.mark.usefixtures("disk")
def test_a_file_waits_for_the_space_of_another(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path)
    made_room = threading.Event()
    entered = threading.Event()

    def wait() -> None:
        with space.reserve(60, _later(), made_room.set):
            entered.set()

    with space.reserve(60, _later()):
        waiting = threading.Thread(target=wait)
        waiting.start()
        made_room.wait()
        assert not entered.is_set()
    waiting.join()
    assert entered.is_set()


@pytest.mark.usefixtures("disk")
def test_files_that_grow_do_not_wait_for_each_other(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path)
    made_room, entered = threading.Event(), threading.Event()
    with space.reserve(40, _later(), made_room.set) as first:

        def grow() -> None:
            with space.writing(first, 40):
                entered.set()

        growing = threading.Thread(target=grow)
        with space.reserve(40, _later(), lambda: None) as second:
            growing.start()
            made_room.wait()
            with pytest.raises(DeadlineError, match="each other"), space.writing(second, 40):
                pass
            assert not entered.is_set()
        growing.join()
        assert entered.is_set()
        with pytest.raises(TooLargeError, match="101 bytes"), space.writing(first, 101):
            pass


@pytest.mark.usefixtures("disk")
def test_a_file_that_waits_asks_for_room_after_each_change(tmp_path: Path) -> None:
    """A file that is downloaded ahead while another one waits gives way, too."""
    space = DiskSpace(tmp_path)
    ahead: list[AbstractContextManager[Reservation]] = []
    asked = threading.Semaphore(0)

    def make_room() -> None:
        for file in ahead:
            file.__exit__(None, None, None)
        ahead.clear()
        asked.release()

    def wait() -> None:
        with space.reserve(60, _later(), make_room):
            pass

    with space.reserve(50, _later()):
        waiting = threading.Thread(target=wait)
        waiting.start()
        asked.acquire()
        ahead.append(space.reserve(45, _later()))
        ahead[0].__enter__()
    waiting.join()
    assert not ahead
