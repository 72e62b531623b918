"""A checkpoint never claims more than is queued, and never answers for another selection."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.enqueue.checkpoint import Checkpoint, keep_checkpoint, read_checkpoint, write_checkpoint
from extractor.enqueue.summary import Summary
from extractor.enqueue.watermark import LowWatermark
from extractor.errors import SettingsError

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
FRESH = Checkpoint({"queue": "q", "failed": False, "options": {"interval_seconds": 0.5}}, NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.json"


def test_there_is_none_before_the_first_run(path: Path) -> None:
    assert read_checkpoint(path, FRESH) is FRESH


def test_what_is_written_is_read(path: Path) -> None:
    kept = Checkpoint(FRESH.selection, NOW, "ü/7", 500)
    write_checkpoint(path, kept)
    later = Checkpoint(FRESH.selection, datetime(2026, 7, 9, tzinfo=UTC))
    assert read_checkpoint(path, later) == kept
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208 - names are what is asked for


@pytest.mark.failure_row(45)
@pytest.mark.parametrize(
    ("name", "value"), [("queue", "another"), ("failed", True), ("options", {}), ("since", "2 days")]
)
def test_one_of_another_selection_is_refused_and_what_differs_is_named(
    path: Path, name: str, value: object
) -> None:
    write_checkpoint(path, FRESH)
    with pytest.raises(SettingsError, match=f"another selection: {name} differ"):
        read_checkpoint(path, Checkpoint({**FRESH.selection, name: value}, NOW))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2}', '{"version": 1, "settled": 7}'])
def test_a_file_of_something_else_is_refused_and_left_alone(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(SettingsError, match="something else"):
        read_checkpoint(path, FRESH)
    assert path.read_text() == content


def test_a_file_that_cannot_be_written_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    def summaries() -> Iterator[Summary]:
        raise AssertionError("nothing may be sent")
        yield

    with pytest.raises(SettingsError, match="No such file"):
        list(keep_checkpoint(tmp_path / "missing" / "file", FRESH, summaries()))


def run(queued: int, error: BaseException | None = None, *, complete: bool = False) -> Iterator[Summary]:
    for number in range(1, queued + 1):
        yield Summary(settled=number, settled_through=f"{number:05d}")
    if error is not None:
        raise error
    yield Summary(settled=queued, settled_through=f"{queued:05d}", complete=complete)


@pytest.mark.failure_row(45)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SettingsError("any")])
def test_whatever_ends_a_run_the_checkpoint_has_all_of_it(path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        list(keep_checkpoint(path, FRESH, run(701, error)))
    assert read_checkpoint(path, FRESH) == Checkpoint(FRESH.selection, NOW, "00701", 701)


@pytest.mark.failure_row(45)
def test_a_run_that_is_killed_has_left_a_checkpoint_not_far_behind(path: Path) -> None:
    for summary in keep_checkpoint(path, FRESH, run(2000)):
        if summary.settled:
            behind = summary.settled - read_checkpoint(path, FRESH).settled
            assert 0 <= behind <= 300


@pytest.mark.failure_row(45)
def test_a_second_run_adds_to_the_first(path: Path) -> None:
    list(keep_checkpoint(path, FRESH, run(400)))
    start = read_checkpoint(path, FRESH)
    list(keep_checkpoint(path, start, run(450)))
    assert read_checkpoint(path, FRESH).settled == 850


def test_a_run_that_does_nothing_takes_nothing_back(path: Path) -> None:
    start = Checkpoint(FRESH.selection, NOW, "00400", 400)
    list(keep_checkpoint(path, start, iter([])))
    assert read_checkpoint(path, FRESH) == start


def test_a_complete_order_leaves_no_checkpoint(path: Path) -> None:
    list(keep_checkpoint(path, FRESH, run(400, complete=True)))
    assert not path.exists()


@given(st.permutations(range(12)), st.integers(0, 12))
def test_a_watermark_has_nothing_open_below_it(order: list[int], settled: int) -> None:
    codes = [f"{number:02d}" for number in range(12)]
    mark = LowWatermark()
    for code in codes:
        mark.begin(code)
    done = set()
    for place in order[:settled]:
        mark.settle(codes[place])
        done.add(codes[place])
        assert set(codes[: mark.count]) <= done
        assert mark.count == 12 or codes[mark.count] not in done
        assert mark.code == (codes[mark.count - 1] if mark.count else None)
    assert mark.clear is (settled == 12)
