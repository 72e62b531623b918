"""The view of the backlog tells what the queue and the state tell, and ends when nothing is left."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest

from extractor.backends.queues.base import OutgoingMessage, QueueDepth, SendFailure
from extractor.backends.state.base import BacklogFilter
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.enqueue.monitor import DrainProgress, ProgressTracker, QueueSample, failures_by_reason, monitor
from extractor.enqueue.report import progress_line
from extractor.errors import AccessDeniedError, QueueUnavailableError, StateUnavailableError

EMPTY = QueueDepth(0, 0, 0, 0)
EXTRACTION = ExtractionSummary(1, "frames/", None, 1.0, 30, 30.0)


def depth(waiting: int = 0, in_flight: int = 0, delayed: int = 0) -> QueueDepth:
    return QueueDepth(waiting, in_flight, delayed, dead_letters=None)


def course(*looks: QueueSample) -> list[DrainProgress]:
    course = ProgressTracker()
    return [course.add(look) for look in looks]


class Queue:
    """Has the next depth, or trouble, at each look; then stays empty."""

    def __init__(self, *depths: QueueDepth | Exception) -> None:
        self._depths = iter(depths)

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        raise AssertionError("a view sends nothing")

    def depth(self) -> QueueDepth:
        found = next(self._depths, EMPTY)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def state(tmp_path: Path) -> SqliteStateStore:
    state = SqliteStateStore(tmp_path / "state.sqlite", "videos")
    for number in range(10):
        state.add(f"code{number}", is_fetched=True)
    return state


def seen(queue: Queue, state: SqliteStateStore, pauses: list[float] | None = None) -> Iterator[DrainProgress]:
    clock = iter(range(0, 1000, 5))
    sleep = ([] if pauses is None else pauses).append
    return monitor(queue, state, 5.0, sleep=sleep, clock=lambda: float(next(clock)))


def test_it_ends_after_three_looks_at_an_empty_queue_in_a_row(state: SqliteStateStore) -> None:
    pauses: list[float] = []
    looks = list(seen(Queue(depth(3), EMPTY, EMPTY, depth(in_flight=1), EMPTY, EMPTY, EMPTY), state, pauses))
    assert [look.drained for look in looks] == [False] * 6 + [True]
    assert pauses == [5.0] * 6


def test_what_waits_for_its_next_delivery_is_not_drained(state: SqliteStateStore) -> None:
    views = islice(seen(Queue(*[depth(delayed=1)] * 9), state), 9)
    assert not any(progress.drained for progress in views)


def test_done_and_failed_videos_are_counted_from_the_state(state: SqliteStateStore) -> None:
    views = seen(Queue(*[depth(1)] * 2), state)
    first = next(views)
    assert (first.sample.remaining, first.sample.failed, first.settled) == (10, 0, 0)
    for number in range(3):
        state.mark_extracted(VideoRef(f"code{number}"), EXTRACTION)
    state.record_failure(VideoRef("code5"), "UNREADABLE", "any")
    second = next(views)
    assert (second.sample.remaining, second.sample.failed, second.settled) == (6, 1, 4)


def test_rate_and_time_left_are_those_of_the_last_minute() -> None:
    looks = [QueueSample(float(at), depth(90, 10), 1000 - at, 0) for at in range(0, 300, 20)]
    slower = QueueSample(300.0, depth(90, 10), looks[-1].remaining, 0)
    views = course(*looks, slower)
    assert (views[0].per_second, views[0].seconds_left) == (None, None)
    assert (views[-2].per_second, views[-2].seconds_left) == (1.0, 100.0)
    assert views[-1].per_second == pytest.approx(40 / 60)


def test_videos_that_come_in_make_no_negative_rate() -> None:
    last = course(QueueSample(0.0, depth(1), 10, 0), QueueSample(5.0, depth(1), 30, 0))[-1]
    assert (last.settled, last.per_second, last.seconds_left) == (-20, 0.0, None)


@pytest.mark.failure_row(46)
def test_what_does_not_answer_is_looked_at_again(state: SqliteStateStore) -> None:
    looks = list(seen(Queue(QueueUnavailableError("away"), depth(2)), state))
    assert looks[0].sample.depth is None
    assert looks[1].sample.depth == depth(2)
    assert looks[-1].drained


def test_a_state_that_cannot_count_leaves_the_queue_to_be_seen(state: SqliteStateStore) -> None:
    class Slow(SqliteStateStore):
        def count_pending(self, backlog_filter: BacklogFilter) -> int:
            raise StateUnavailableError("it took too long")

    state.__class__ = Slow
    last = list(seen(Queue(depth(2)), state))[-1]
    assert (last.drained, last.sample.remaining, last.sample.failed, last.per_second) == (
        True,
        None,
        None,
        None,
    )


def test_a_denial_ends_it(state: SqliteStateStore) -> None:
    with pytest.raises(AccessDeniedError):
        list(seen(Queue(AccessDeniedError("denied")), state))


def test_failures_are_told_by_their_reason(state: SqliteStateStore) -> None:
    for code, reason in (("code1", "TRUNCATED"), ("code2", "UNREADABLE"), ("code3", "UNREADABLE")):
        state.record_failure(VideoRef(code), reason, "half: of it")
    assert failures_by_reason(state) == {"UNREADABLE": 2, "TRUNCATED": 1}


def test_a_look_tells_why_videos_failed(state: SqliteStateStore) -> None:
    def fail(_: float) -> None:
        state.record_failure(VideoRef("code1"), "TRUNCATED", "half of it")

    looks = list(monitor(Queue(depth(2), depth(1), depth(0)), state, 5, sleep=fail, clock=lambda: 0.0))
    assert [look.sample.reasons for look in looks[:2]] == [{}, {"TRUNCATED": 1}]
    assert "1 failed (1 × TRUNCATED)" in progress_line(looks[1])
