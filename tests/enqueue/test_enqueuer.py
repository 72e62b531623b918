"""The backlog is queued completely, and whatever happens, the summary says what became of it."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.backends.queues.base import OutgoingMessage, SendFailure
from extractor.backends.state.base import BacklogFilter
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.enqueue.enqueuer import count_pending_messages, enqueue
from extractor.enqueue.request import CodeList, EnqueueRequest
from extractor.enqueue.retry import RetryPolicy
from extractor.enqueue.summary import Summary
from extractor.errors import AccessDeniedError, QueueUnavailableError, StateUnavailableError

Outcome = Sequence[SendFailure] | BaseException

CODES = [f"code{number:02d}" for number in range(25)]
EXTRACTION = ExtractionSummary(1, "frames/", None, 1.0, 30, 30.0)
PATIENCE = RetryPolicy(attempts=3, first_seconds=0)


class Queue:
    """Takes messages in memory. Each call has the next outcome of the plan; without a plan all is well."""

    def __init__(
        self, plan: Sequence[Outcome] = (), on_send: Callable[[list[str]], None] | None = None
    ) -> None:
        self._plan = iter(plan)
        self._on_send = on_send
        self._lock = threading.Lock()
        self.calls: list[list[str]] = []
        self.taken: list[str] = []

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        codes = [json.loads(message.body)["code"] for message in messages]
        with self._lock:
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

    def pending(self, after: str | None, limit: int, backlog_filter: BacklogFilter) -> Sequence[str]:
        return super().pending(after, min(limit, 3), backlog_filter)


def fill(state: SqliteStateStore, codes: Sequence[str] = CODES) -> SqliteStateStore:
    for code in codes:
        state.add(code, is_fetched=True)
    return state


@pytest.fixture
def state(tmp_path: Path) -> SqliteStateStore:
    return fill(SqliteStateStore(tmp_path / "state.sqlite", "videos"))


def last(summaries: Iterator[Summary]) -> tuple[Summary, BaseException | None]:
    """The last summary, and what ended the run, as an entry point sees them."""
    summary = Summary()
    try:
        for summary in summaries:
            assert summary.queued + summary.num_refused + summary.in_doubt <= summary.seen
            assert summary.settled <= summary.seen
    except BaseException as error:  # noqa: BLE001 - Ctrl-C is one of them
        return summary, error
    return summary, None


def run(
    codes: SqliteStateStore | CodeList,
    queue: Queue,
    order: EnqueueRequest | None = None,
    note: Callable[[Sequence[str]], None] = lambda _: None,
    senders: int = 1,
) -> tuple[Summary, BaseException | None]:
    return last(enqueue(codes, queue, order or EnqueueRequest(), note, senders=senders, retry=PATIENCE))


def busy(*positions: int) -> list[SendFailure]:
    return [SendFailure(position, "InternalError", sender_fault=False) for position in positions]


def wrong(*positions: int) -> list[SendFailure]:
    return [SendFailure(position, "InvalidMessageContents", sender_fault=True) for position in positions]


@pytest.mark.parametrize("senders", [1, 2, 8, 64])
def test_every_pending_video_is_queued_once_and_ten_to_a_call(state: SqliteStateStore, senders: int) -> None:
    queue, noted = Queue(), list[str]()
    summary, error = run(state, queue, note=noted.extend, senders=senders)
    assert sorted(queue.calls) == [CODES[:10], CODES[10:20], CODES[20:]]
    assert sorted(noted) == CODES
    everything = Summary(25, 25, calls=3, settled=25, settled_through=CODES[-1], complete=True)
    assert (summary, error) == (everything, None)


def test_as_many_calls_are_made_at_once_as_there_are_senders(state: SqliteStateStore) -> None:
    meeting = threading.Barrier(3)  # it breaks, and with it the run, if one of three calls waits for another

    def meet(_: list[str]) -> None:
        meeting.wait(30)

    assert run(state, Queue(on_send=meet), senders=3)[1] is None


def test_a_video_is_noted_only_after_the_queue_has_it(state: SqliteStateStore) -> None:
    queue = Queue([busy(2), busy(1)])
    early: list[str] = []
    run(state, queue, note=lambda codes: early.extend(code for code in codes if code not in queue.taken))
    assert early == []


def test_options_go_into_every_message_and_no_others(state: SqliteStateStore) -> None:
    sent: list[str] = []

    class Bodies(Queue):
        def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
            sent.extend(message.body for message in messages)
            return ()

    run(state, Bodies(), EnqueueRequest(limit=1, options={"platform": "tiktok", "interval_seconds": 0.5}))
    assert json.loads(sent[0]) == {"code": "code00", "platform": "tiktok", "interval": 0.5}


@pytest.mark.failure_row(44)
@pytest.mark.parametrize("senders", [1, 4])
@pytest.mark.parametrize("page_size", [1, 2, 3, 10, 100])
def test_rows_that_flip_while_they_are_read_hide_no_others(
    state: SqliteStateStore, page_size: int, senders: int
) -> None:
    def work(codes: list[str]) -> None:
        for code in codes:
            state.mark_extracted(VideoRef(code), EXTRACTION)

    queue = Queue(on_send=work)
    run(state, queue, EnqueueRequest(page_size=page_size), senders=senders)
    assert sorted(queue.taken) == CODES
    assert state.count_pending(BacklogFilter()) == 0


@pytest.mark.failure_row(44)
def test_a_page_that_the_server_cuts_short_is_not_the_end(tmp_path: Path) -> None:
    state, queue = fill(ShortPages(tmp_path / "state.sqlite", "videos")), Queue()
    assert run(state, queue, EnqueueRequest(page_size=1000))[0].complete
    assert queue.taken == CODES


@pytest.mark.parametrize("limit", [0, 1, 9, 10, 11, 25, 26])
def test_a_limit_is_kept(state: SqliteStateStore, limit: int) -> None:
    queue = Queue()
    summary, _ = run(state, queue, EnqueueRequest(limit=limit, page_size=4))
    assert queue.taken == CODES[:limit]
    assert summary.seen == min(limit, 25)
    assert summary.complete is (limit == 26)


def test_an_order_begins_after_the_code_it_names(state: SqliteStateStore) -> None:
    queue = Queue()
    summary, _ = run(state, queue, EnqueueRequest(after="code19"))
    assert queue.taken == CODES[20:]
    assert (summary.settled, summary.settled_through) == (5, "code24")


@pytest.mark.failure_row(43)
def test_entries_that_are_refused_are_sent_again_together_with_others(state: SqliteStateStore) -> None:
    queue = Queue([busy(2, 7), busy(1)])
    summary, _ = run(state, queue)
    assert sorted(queue.taken) == CODES
    assert len(queue.calls) == 3
    assert (summary.queued, summary.retried, summary.repeated) == (25, 3, 0)


@pytest.mark.failure_row(43)
def test_an_entry_that_stays_refused_is_given_up_and_reported_and_not_settled(
    state: SqliteStateStore,
) -> None:
    class RefusesOne(Queue):
        def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
            super().send(messages)
            return [item for item in busy(*range(len(messages))) if "code02" in messages[item.position].body]

    queue = RefusesOne()
    summary, error = run(state, queue)
    assert sum("code02" in call for call in queue.calls) == PATIENCE.attempts
    assert (summary.refused, summary.first_refused) == ({"InternalError": 1}, "code02")
    assert (summary.queued, summary.in_doubt, error) == (24, 0, None)
    assert (summary.settled_through, summary.complete) == ("code01", False)


def test_an_entry_that_is_at_fault_itself_is_not_sent_again(state: SqliteStateStore) -> None:
    queue = Queue([[*wrong(0), *busy(1)]])
    summary, _ = run(state, queue)
    assert sum("code00" in call for call in queue.calls) == 1
    assert (summary.refused, summary.first_refused) == ({"InvalidMessageContents": 1}, "code00")
    assert (summary.queued, summary.complete) == (24, True)


def test_a_code_that_no_message_can_carry_is_reported_and_the_others_are_queued(
    state: SqliteStateStore,
) -> None:
    fill(state, ["a/b", "code05 "])
    queue = Queue()
    summary, _ = run(state, queue)
    assert (summary.refused, summary.first_refused) == ({"INVALID_MESSAGE": 2}, "a/b")
    assert (summary.seen, sorted(queue.taken), summary.complete) == (27, CODES, True)


def test_any_number_of_such_codes_in_a_row_hides_none_of_the_others() -> None:
    queue = Queue()
    summary, _ = run(CodeList(["a", *(f"b/{number}" for number in range(2000)), "c"]), queue)
    assert queue.taken == ["a", "c"]
    assert (summary.refused, summary.complete) == ({"INVALID_MESSAGE": 2000}, True)


@pytest.mark.failure_row(46)
def test_a_call_that_fails_as_a_whole_is_made_again(state: SqliteStateStore) -> None:
    queue = Queue([QueueUnavailableError("away"), QueueUnavailableError("away")])
    summary, error = run(state, queue, EnqueueRequest(limit=10))
    assert [sorted(call) for call in queue.calls] == [CODES[:10]] * 3
    assert (summary.queued, summary.calls, summary.retried, summary.repeated) == (10, 3, 20, 20)
    assert error is None


@pytest.mark.failure_row(46)
@pytest.mark.parametrize("senders", [1, 4])
def test_a_queue_that_stays_away_ends_the_run_and_what_was_sent_is_counted(
    state: SqliteStateStore, senders: int
) -> None:
    away = QueueUnavailableError("away")
    queue = Queue([(), *[away] * 100])
    summary, error = run(state, queue, senders=senders)
    assert error is away
    assert len(queue.calls) <= 1 + 2 * PATIENCE.attempts
    assert (summary.queued, summary.in_doubt) == (len(queue.taken), summary.seen - summary.queued)


@pytest.mark.failure_row(46)
def test_a_denial_is_not_tried_again(state: SqliteStateStore) -> None:
    denied = AccessDeniedError("denied")
    queue = Queue([denied])
    summary, error = run(state, queue)
    assert (len(queue.calls), error, summary.queued) == (1, denied, 0)


@pytest.mark.failure_row(46)
def test_a_state_that_is_away_for_a_moment_is_asked_again(state: SqliteStateStore) -> None:
    noted, troubles = list[str](), iter([StateUnavailableError("away")] * 2)

    def note(codes: Sequence[str]) -> None:
        for trouble in troubles:
            raise trouble
        noted.extend(codes)

    assert run(state, Queue(), note=note)[1] is None
    assert sorted(noted) == CODES


@pytest.mark.failure_row(46)
def test_a_state_that_stays_away_ends_the_run_and_nothing_is_settled(state: SqliteStateStore) -> None:
    def note(_: Sequence[str]) -> None:
        raise StateUnavailableError("away")

    summary, error = run(state, Queue(), note=note)
    assert isinstance(error, StateUnavailableError)
    assert (summary.queued, summary.settled, summary.settled_through) == (25, 0, None)


def test_pauses_double_up_to_a_bound_and_are_shared_out_at_random() -> None:
    shares = iter([1.0, 0.5, 1.0, 0.0])
    retry = RetryPolicy(first_seconds=1, longest_seconds=3, share=lambda: next(shares))
    assert [retry.pause_seconds(attempt) for attempt in (1, 2, 3, 4)] == [1.0, 1.0, 3.0, 0.0]


@pytest.mark.failure_row(45)
def test_an_interrupted_run_tells_what_was_queued_and_what_may_have_been(state: SqliteStateStore) -> None:
    queue = Queue([(), (), KeyboardInterrupt()])
    summary, error = run(state, queue)
    assert isinstance(error, KeyboardInterrupt)
    assert (summary.seen, summary.queued, summary.in_doubt, summary.calls) == (25, 20, 5, 3)


def test_a_dry_run_sees_all_and_needs_no_queue(state: SqliteStateStore) -> None:
    fill(state, ["a/b"])
    summary, _ = last(count_pending_messages(state, EnqueueRequest(page_size=7)))
    assert summary == Summary(seen=26, refused={"INVALID_MESSAGE": 1}, first_refused="a/b")


@pytest.mark.parametrize("limit", [0, 1, 7, 25, 26])
def test_a_dry_run_keeps_a_limit(state: SqliteStateStore, limit: int) -> None:
    summary, _ = last(count_pending_messages(state, EnqueueRequest(limit=limit, page_size=7)))
    assert summary.seen == min(limit, 25)


def test_an_empty_backlog_asks_nothing_of_the_queue(tmp_path: Path) -> None:
    queue = Queue()
    summary, _ = run(SqliteStateStore(tmp_path / "s", "videos"), queue)
    assert (summary, queue.calls) == (Summary(complete=True), [])


def test_codes_that_are_written_down_are_queued_once_and_in_order() -> None:
    codes, queue = CodeList(["b\n", "a\r\n", "\n", "b\n", "not a code\n", "c"]), Queue()
    summary, _ = run(codes, queue, EnqueueRequest(page_size=2))
    assert queue.taken == ["a", "b", "c"]
    assert (summary.refused, codes.count_pending(BacklogFilter())) == ({"INVALID_MESSAGE": 1}, 4)


def test_lists_with_the_same_codes_have_the_same_fingerprint() -> None:
    assert CodeList(["a\n", "b"]).fingerprint == CodeList(["b", "a", "b"]).fingerprint
    assert CodeList(["a", "b"]).fingerprint != CodeList(["ab"]).fingerprint


outcomes = st.one_of(
    st.just(()),
    st.builds(QueueUnavailableError),
    st.just(KeyboardInterrupt()),
    st.builds(lambda places: busy(*places), st.sets(st.just(0))),
    st.builds(lambda places: wrong(*places), st.sets(st.just(0))),
)


@given(plan=st.lists(outcomes, max_size=12), senders=st.integers(1, 4), page_size=st.integers(1, 30))
def test_the_books_balance_whatever_happens(plan: Sequence[Outcome], senders: int, page_size: int) -> None:
    queue, noted = Queue(plan), list[str]()
    summary, error = run(CodeList(CODES), queue, EnqueueRequest(page_size=page_size), noted.extend, senders)
    assert len(queue.taken) == len(set(queue.taken))
    assert set(noted) <= set(queue.taken)
    assert set(CODES[: summary.settled]) <= set(noted) | set(CODES) - set(queue.taken)
    assert summary.settled_through == (CODES[summary.settled - 1] if summary.settled else None)
    if error is None:
        assert (summary.in_doubt, summary.queued) == (0, len(queue.taken))
        assert summary.queued + summary.num_refused == summary.seen == 25
        assert sorted(noted) == sorted(queue.taken)
        assert summary.calls == len(queue.calls)
