"""The backlog is queued completely, and whatever happens, the summary says what became of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.adapters.sqlite import SqliteStateStore
from extractor.backlog import Order, Patience, Refusal, Summary, enqueue_pending
from extractor.errors import AccessDeniedError, QueueUnavailableError
from extractor.models import OutgoingMessage, SendFailure

Outcome = Sequence[SendFailure] | BaseException


class Queue:
    """Takes messages in memory. Each call has the next outcome of the plan; without a plan all is well."""

    def __init__(
        self, plan: Sequence[Outcome] = (), on_send: Callable[[list[str]], None] | None = None
    ) -> None:
        self._plan = iter(plan)
        self._on_send = on_send
        self.calls: list[list[str]] = []
        self.taken: list[str] = []

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        codes = [json.loads(message.body)["code"] for message in messages]
        self.calls.append(codes)
        outcome = next(self._plan, ())
        if isinstance(outcome, BaseException):
            raise outcome
        refused = {failure.position for failure in outcome}
        taken = [code for place, code in enumerate(codes) if place not in refused]
        self.taken += taken
        if self._on_send:
            self._on_send(taken)
        return outcome


class ShortPages(SqliteStateStore):
    """A server that gives at most three rows, whatever is asked."""

    def pending(self, after: str | None, limit: int) -> Sequence[str]:
        return super().pending(after, min(limit, 3))


CODES = [f"code{number:02d}" for number in range(25)]


def fill(state: SqliteStateStore, codes: Sequence[str] = CODES) -> SqliteStateStore:
    for code in codes:
        state.add(code, is_fetched=True)
    return state


@pytest.fixture
def state(tmp_path: Path) -> SqliteStateStore:
    return fill(SqliteStateStore(tmp_path / "state.sqlite", "videos"))


@pytest.fixture(scope="module")
def unchanging(tmp_path_factory: pytest.TempPathFactory) -> SqliteStateStore:
    return fill(SqliteStateStore(tmp_path_factory.mktemp("state") / "state.sqlite", "videos"))


def patience(pauses: list[float] | None = None) -> Patience:
    """Sleeps by taking note."""
    return Patience(attempts=3, sleep=([] if pauses is None else pauses).append, share=lambda: 0.5)


def last(summaries: Iterator[Summary]) -> tuple[Summary, BaseException | None]:
    """The last summary, and what ended the run, as an entry point sees them."""
    summary = Summary()
    try:
        for summary in summaries:
            assert summary.queued + len(summary.refused) + summary.in_doubt <= summary.seen
    except BaseException as error:  # noqa: BLE001 - Ctrl-C is one of them
        return summary, error
    return summary, None


def busy(*positions: int) -> list[SendFailure]:
    return [SendFailure(position, "InternalError", sender_fault=False) for position in positions]


def wrong(*positions: int) -> list[SendFailure]:
    return [SendFailure(position, "InvalidMessageContents", sender_fault=True) for position in positions]


def test_every_pending_video_is_queued_once(state: SqliteStateStore) -> None:
    queue = Queue()
    summary, error = last(enqueue_pending(state, queue, Order(), patience()))
    assert queue.calls == [CODES[:10], CODES[10:20], CODES[20:]]
    assert (summary, error) == (Summary(seen=25, queued=25, calls=3), None)


def test_options_go_into_every_message_and_no_others(state: SqliteStateStore) -> None:
    sent: list[str] = []

    class Bodies(Queue):
        def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
            sent.extend(message.body for message in messages)
            return ()

    options = {"platform": "tiktok", "interval_seconds": 0.5}
    last(enqueue_pending(state, Bodies(), Order(limit=1, options=options)))
    assert json.loads(sent[0]) == {"code": "code00", "platform": "tiktok", "interval": 0.5}


@pytest.mark.failure_row(44)
@pytest.mark.parametrize("page_size", [1, 2, 3, 10, 100])
def test_rows_that_flip_while_they_are_read_hide_no_others(state: SqliteStateStore, page_size: int) -> None:
    def work(codes: list[str]) -> None:
        for code in codes:
            state.mark_extracted(code, 1)

    queue = Queue(on_send=work)
    last(enqueue_pending(state, queue, Order(page_size=page_size)))
    assert queue.taken == CODES
    assert state.count_pending() == 0


@pytest.mark.failure_row(44)
def test_a_page_that_the_server_cuts_short_is_not_the_end(tmp_path: Path) -> None:
    state, queue = fill(ShortPages(tmp_path / "state.sqlite", "videos")), Queue()
    last(enqueue_pending(state, queue, Order(page_size=1000)))
    assert queue.taken == CODES


@pytest.mark.parametrize("limit", [1, 9, 10, 11, 25, 26])
def test_a_limit_is_kept(state: SqliteStateStore, limit: int) -> None:
    queue = Queue()
    summary, _ = last(enqueue_pending(state, queue, Order(limit=limit, page_size=4)))
    assert queue.taken == CODES[:limit]
    assert summary.seen == min(limit, 25)


@pytest.mark.failure_row(43)
def test_a_refused_entry_is_sent_again_by_itself(state: SqliteStateStore) -> None:
    queue = Queue([busy(2, 7), busy(1)])
    summary, _ = last(enqueue_pending(state, queue, Order(), patience()))
    assert queue.calls[:4] == [CODES[:10], ["code02", "code07"], ["code07"], CODES[10:20]]
    assert sorted(queue.taken) == CODES
    assert summary == Summary(seen=25, queued=25, calls=5, retried=3)


@pytest.mark.failure_row(43)
def test_an_entry_that_stays_refused_is_given_up_and_reported(state: SqliteStateStore) -> None:
    queue = Queue([busy(2), busy(0), busy(0)])
    summary, error = last(enqueue_pending(state, queue, Order(), patience()))
    assert queue.calls[1:3] == [["code02"], ["code02"]]
    assert "code02" not in queue.taken
    assert summary.refused == (Refusal("code02", "InternalError"),)
    assert (summary.queued, summary.in_doubt, error) == (24, 0, None)


def test_an_entry_that_is_at_fault_itself_is_not_sent_again(state: SqliteStateStore) -> None:
    queue = Queue([[*wrong(0), *busy(1)]])
    summary, _ = last(enqueue_pending(state, queue, Order(), patience()))
    assert queue.calls[1] == ["code01"]
    assert summary.refused == (Refusal("code00", "InvalidMessageContents"),)
    assert summary.queued == 24


def test_a_code_that_no_message_can_carry_is_reported_and_the_others_are_queued(
    state: SqliteStateStore,
) -> None:
    fill(state, ["a/b", "code05 "])
    queue = Queue()
    summary, _ = last(enqueue_pending(state, queue, Order(), patience()))
    assert {refusal.code for refusal in summary.refused} == {"a/b", "code05 "}
    assert (summary.seen, queue.taken) == (27, CODES)


@pytest.mark.failure_row(46)
def test_a_call_that_fails_as_a_whole_is_made_again(state: SqliteStateStore) -> None:
    queue = Queue([QueueUnavailableError("away"), QueueUnavailableError("away")])
    summary, error = last(enqueue_pending(state, queue, Order(), patience()))
    assert queue.calls[:3] == [CODES[:10]] * 3
    assert (summary, error) == (Summary(seen=25, queued=25, calls=5, retried=20, repeated=20), None)


@pytest.mark.failure_row(46)
def test_a_queue_that_stays_away_ends_the_run_and_what_was_sent_is_counted(state: SqliteStateStore) -> None:
    away = QueueUnavailableError("away")
    queue = Queue([(), away, away, away])
    summary, error = last(enqueue_pending(state, queue, Order(), patience()))
    assert len(queue.calls) == 4
    assert error is away
    assert (summary.seen, summary.queued, summary.in_doubt) == (20, 10, 10)


def test_a_denial_is_not_tried_again(state: SqliteStateStore) -> None:
    denied = AccessDeniedError("denied")
    queue = Queue([denied])
    summary, error = last(enqueue_pending(state, queue, Order(), patience()))
    assert (len(queue.calls), error, summary.queued) == (1, denied, 0)


def test_pauses_double_up_to_a_bound_and_are_shared_out_at_random(state: SqliteStateStore) -> None:
    pauses: list[float] = []
    shares = iter([1.0, 0.5, 1.0, 0.0])
    patient = Patience(5, first_seconds=1, longest_seconds=3, sleep=pauses.append, share=lambda: next(shares))
    last(enqueue_pending(state, Queue([busy(0)] * 4), Order(limit=1), patient))
    assert pauses == [1.0, 1.0, 3.0, 0.0]


@pytest.mark.failure_row(45)
def test_an_interrupted_run_tells_what_was_queued_and_what_may_have_been(state: SqliteStateStore) -> None:
    queue = Queue([(), (), KeyboardInterrupt()])
    summary, error = last(enqueue_pending(state, queue, Order(), patience()))
    assert isinstance(error, KeyboardInterrupt)
    assert summary == Summary(seen=25, queued=20, in_doubt=5, calls=3)


@pytest.mark.failure_row(45)
def test_a_run_that_is_interrupted_while_it_waits_knows_the_answers_so_far(state: SqliteStateStore) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    queue = Queue([busy(0, 1)])
    summary, _ = last(enqueue_pending(state, queue, Order(), Patience(sleep=interrupt)))
    assert (summary.seen, summary.queued, summary.in_doubt) == (10, 8, 0)


def test_a_dry_run_sees_all_and_needs_no_queue(state: SqliteStateStore) -> None:
    fill(state, ["a/b"])
    summary, _ = last(enqueue_pending(state, None, Order()))
    assert summary == Summary(seen=26, refused=(Refusal("a/b", "INVALID_MESSAGE"),))


def test_an_empty_backlog_asks_nothing_of_the_queue(tmp_path: Path) -> None:
    queue = Queue()
    summary, _ = last(enqueue_pending(SqliteStateStore(tmp_path / "s", "videos"), queue, Order()))
    assert (summary, queue.calls) == (Summary(), [])


outcomes = st.one_of(
    st.just(()),
    st.builds(QueueUnavailableError),
    st.just(KeyboardInterrupt()),
    st.builds(lambda places: busy(*places), st.sets(st.just(0))),
    st.builds(lambda places: wrong(*places), st.sets(st.just(0))),
)


@given(plan=st.lists(outcomes, max_size=12))
def test_the_books_balance_whatever_happens(unchanging: SqliteStateStore, plan: Sequence[Outcome]) -> None:
    queue = Queue(plan)
    summary, error = last(enqueue_pending(unchanging, queue, Order(), patience()))
    assert summary.queued == len(queue.taken) == len(set(queue.taken))
    assert not {refusal.code for refusal in summary.refused} & set(queue.taken)
    if error is None:
        assert summary.in_doubt == 0
        assert summary.queued + len(summary.refused) == summary.seen == 25
    assert summary.calls == len(queue.calls)
