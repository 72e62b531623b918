"""Several records of a batch at a time: what may run together, and in which order."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import pytest

from extractor.pipeline.batch import Batch, Record, first_free
from extractor.pipeline.worker import ReceivedMessage, Worker

A, B, C = ({name} for name in "abc")


@pytest.mark.parametrize(
    ("waiting", "running", "position"),
    [
        ([], [], None),
        ([A], [], 0),
        ([A], [A], None),
        ([A, B], [A], 1),
        ([A | B, B, C], [A], 2),
        ([A | B, B], [A], None),
        ([set(), A], [A], 0),
    ],
)
def test_a_record_starts_if_it_shares_nothing_with_those_before_it_and_those_in_progress(
    waiting: Sequence[set[object]], running: Sequence[set[object]], position: int | None
) -> None:
    assert first_free(waiting, running) == position


@dataclass
class Handling:
    """Stands in for the worker: a message is the name of a video, and `act` does its work."""

    act: Callable[[str], None] = lambda _: None
    started: list[str] = field(default_factory=list)
    prefetched: list[str] = field(default_factory=list)
    in_progress: set[str] = field(default_factory=set)

    def codes(self, message: ReceivedMessage) -> frozenset[str]:
        return frozenset({str(message.body)})

    def handle(
        self, message: ReceivedMessage, _deadline: float, find_next: Callable[[], ReceivedMessage | None]
    ) -> None:
        name = str(message.body)
        assert name not in self.in_progress, "two records of a video at the same time"
        self.in_progress.add(name)
        self.started.append(name)
        if (following := find_next()) is not None:
            self.prefetched.append(str(following.body))
        try:
            self.act(name)
        finally:
            self.in_progress.remove(name)

    def give_up(self, *_: object) -> bool:
        return False

    def batch(self, *names: str, last_start: float = float("inf")) -> Batch:
        """The records of these videos; of ``group/name``, the part before the slash is the group."""
        records = [
            Record(str(number), ReceivedMessage(name), name.partition("/")[0] if "/" in name else None)
            for number, name in enumerate(names)
        ]
        return Batch(records, cast(Worker, self), float("inf"), last_start)


def _in_two_threads(batch: Batch) -> None:
    with ThreadPoolExecutor(2) as pool:
        for running in [pool.submit(batch.work), pool.submit(batch.work)]:
            running.result()


def test_two_threads_handle_two_records_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=60)

    def act(_: str) -> None:
        together.wait()

    handling = Handling(act)
    batch = handling.batch("a", "b", "c", "d")
    _in_two_threads(batch)
    assert sorted(handling.started) == ["a", "b", "c", "d"]
    assert batch.unfinished == []


def test_a_video_that_is_named_twice_is_not_handled_twice_at_a_time() -> None:
    other_started = threading.Event()

    def act(name: str) -> None:
        if name == "b":
            other_started.set()
        other_started.wait(60)

    handling = Handling(act)
    batch = handling.batch("a", "a", "b")
    _in_two_threads(batch)
    assert handling.started == ["a", "b", "a"]


def test_a_failure_of_one_record_leaves_the_other_ones_alone() -> None:
    together = threading.Barrier(2, timeout=60)

    def act(name: str) -> None:
        together.wait()
        if name == "b":
            raise RuntimeError("b fails")

    batch = Handling(act).batch("a", "b", "c", "d")
    _in_two_threads(batch)
    assert batch.unfinished == ["1"]


def test_a_thread_that_ends_leaves_its_record_unfinished_and_the_rest_to_the_other_thread() -> None:
    def act(name: str) -> None:
        if name == "a":
            raise SystemExit

    handling = Handling(act)
    batch = handling.batch("a", "b", "c")
    with pytest.raises(SystemExit):
        _in_two_threads(batch)
    assert batch.unfinished == ["0"]
    assert sorted(handling.started) == ["a", "b", "c"]


def test_messages_of_a_group_are_handled_in_order_until_one_needs_another_delivery() -> None:
    other_started = threading.Event()

    def act(name: str) -> None:
        if name == "g/1":
            other_started.wait(60)
        if name == "h/1":
            other_started.set()
        if name == "g/2":
            raise RuntimeError("it fails")

    handling = Handling(act)
    batch = handling.batch("g/1", "g/2", "g/3", "h/1", "h/2")
    _in_two_threads(batch)
    assert [name for name in handling.started if name.startswith("g")] == ["g/1", "g/2"]
    assert [name for name in handling.started if name.startswith("h")] == ["h/1", "h/2"]
    assert batch.unfinished == ["1", "2"]


def test_no_record_is_started_after_the_time_for_the_last_start() -> None:
    handling = Handling()
    batch = handling.batch("a", "b", last_start=0.0)
    _in_two_threads(batch)
    assert handling.started == []
    assert batch.unfinished == ["0", "1"]


def test_each_video_is_prefetched_once_and_none_that_is_in_progress() -> None:
    handling = Handling()
    handling.batch("a", "a", "b", "c").work()
    assert handling.started == ["a", "a", "b", "c"]
    assert handling.prefetched == ["b", "c"]
