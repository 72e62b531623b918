"""No dead letter is lost, whatever breaks while it is sent back."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from extractor.backends.queues.base import DeadLetter, OutgoingMessage, SendFailure
from extractor.backends.queues.batches import BATCH_BYTES, batches
from extractor.backends.queues.sqs import SqsDeadLetterQueue, SqsQueue, build_sqs_client
from extractor.errors import QueueUnavailableError, SettingsError
from extractor.reconcile.replay import replay
from tests.reconcile.fixtures import Queue
from tests.support.servers.http import serving
from tests.support.servers.sqs_proxy import SqsProxy

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Letters:
    """A queue in memory."""

    def __init__(self, *reasons: str | None) -> None:
        self.waiting = [DeadLetter(str(n), f"body {n}", reason, f"r{n}") for n, reason in enumerate(reasons)]
        self.received: list[DeadLetter] = []
        self.deleted: list[str] = []
        self.released: list[str] = []

    def receive(self) -> Sequence[DeadLetter]:
        batch, self.waiting = self.waiting[:10], self.waiting[10:]
        return batch

    def delete(self, letters: Sequence[DeadLetter]) -> None:
        self.deleted += [letter.body for letter in letters]

    def release(self, letters: Sequence[DeadLetter]) -> None:
        self.released += [letter.body for letter in letters]


class _Down:
    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        raise QueueUnavailableError("503")


def test_only_the_asked_reasons_go_back_the_others_stay() -> None:
    letters, queue, tally = Letters("A", "B", None, "A"), Queue(), Counter[str]()
    replay(letters, queue, ["A"], tally)
    assert queue.bodies == letters.deleted == ["body 0", "body 3"]
    assert letters.released == ["body 1", "body 2"]
    assert tally == {"sent: A": 2, "not asked for: B": 1, "not asked for: UNKNOWN": 1}


def test_what_the_queue_refuses_is_not_deleted() -> None:
    letters, tally = Letters("A", "A", "A"), Counter[str]()
    replay(letters, Queue(refused=frozenset({1})), [], tally)
    assert letters.deleted == ["body 0", "body 2"]
    assert letters.released == ["body 1"]
    assert tally == {"sent: A": 2, "refused by the queue: A": 1}


@pytest.mark.failure_row(46)
def test_nothing_is_deleted_when_sending_fails() -> None:
    letters = Letters(*["A"] * 12)
    with pytest.raises(QueueUnavailableError):
        replay(letters, _Down(), [], Counter())
    assert letters.deleted == []
    assert letters.released == [f"body {n}" for n in range(10)]


def test_looking_changes_nothing() -> None:
    letters, tally = Letters("A", "B"), Counter[str]()
    replay(letters, None, ["A"], tally)
    assert letters.deleted == []
    assert letters.released == ["body 0", "body 1"]
    assert tally == {"would be sent: A": 1, "not asked for: B": 1}


@pytest.mark.operations_row(7)
def test_letters_too_large_for_one_call_go_back_in_several() -> None:
    letters, queue = Letters(*["A"] * 10), Calls()
    letters.waiting = [replace(letter, body="x" * 115_000 + letter.body) for letter in letters.waiting]
    replay(letters, queue, [], Counter())
    assert [len(call) for call in queue.calls] == [2] * 5
    assert [body for call in queue.calls for body in call] == letters.deleted
    assert letters.released == []


@pytest.mark.operations_row(7)
def test_a_letter_that_is_refused_in_a_later_call_is_the_one_that_stays() -> None:
    letters, queue = Letters(*["A"] * 4), Calls(refused="body 2")
    letters.waiting = [replace(letter, body="x" * 130_000 + letter.body) for letter in letters.waiting]
    replay(letters, queue, [], tally := Counter[str]())
    assert [body.lstrip("x") for body in letters.released] == ["body 2"]
    assert tally == {"sent: A": 3, "refused by the queue: A": 1}


@pytest.mark.operations_row(7)
def test_batches_keep_to_the_number_and_the_bytes() -> None:
    small = [OutgoingMessage("x")] * 23
    assert [len(places) for places in batches(small)] == [10, 10, 3]
    full = [OutgoingMessage("x" * (BATCH_BYTES // 2))] * 3
    assert [len(places) for places in batches(full)] == [2, 1]
    large = [OutgoingMessage("x"), OutgoingMessage("x" * (BATCH_BYTES + 1)), OutgoingMessage("x")]
    assert [list(places) for places in batches(large)] == [[0], [1], [2]]
    wide = OutgoingMessage("é" * (BATCH_BYTES // 4), {"detail": "y" * 100})
    assert [len(places) for places in batches([wide] * 2)] == [1, 1]
    assert list(batches([])) == []


class Calls:
    """A queue that remembers its calls, and refuses bodies that end in `refused`."""

    def __init__(self, refused: str = "nothing") -> None:
        self.calls: list[list[str]] = []
        self._refused = refused

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        self.calls.append([message.body for message in messages])
        return [
            SendFailure(place, "Refused", sender_fault=True)
            for place, message in enumerate(messages)
            if message.body.endswith(self._refused)
        ]


@pytest.fixture
def client(aws_environment: dict[str, str]) -> Iterator["SQSClient"]:
    client = build_sqs_client(attempts=4)
    yield client
    client.close()


def test_letters_of_sqs_go_only_when_told_to(client: "SQSClient", new_queue: Callable[[], str]) -> None:
    url = new_queue()
    sender = build_sqs_client(attempts=1)
    SqsQueue(sender, url).send(
        [OutgoingMessage('{"code": "é"}', {"reason": "UNREADABLE", "detail": "x"}), OutgoingMessage("plain")]
    )
    sender.close()
    letters = SqsDeadLetterQueue(client, url)
    found = letters.receive()
    assert {(letter.body, letter.reason) for letter in found} == {
        ('{"code": "é"}', "UNREADABLE"),
        ("plain", None),
    }
    assert letters.receive() == [], "they are held back from others, and from us"
    letters.release(found)
    again = letters.receive()
    assert {letter.message_id for letter in again} == {letter.message_id for letter in found}
    letters.delete(again)
    assert letters.receive() == []


def test_a_queue_that_is_not_there_names_the_setting(
    client: "SQSClient", new_queue: Callable[[], str]
) -> None:
    with pytest.raises(SettingsError, match="DEAD_LETTER_QUEUE_URL"):
        SqsDeadLetterQueue(client, new_queue() + "-not").receive()


def test_a_letter_that_sqs_does_not_delete_is_an_error_although_the_answer_is_200(
    client: "SQSClient", new_queue: Callable[[], str], moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_queue()
    for body in ("goes", "stays"):
        client.send_message(QueueUrl=url, MessageBody=body)
    letters = SqsDeadLetterQueue(client, url)
    found = sorted(letters.receive(), key=lambda letter: letter.body)
    with serving(SqsProxy(moto_url, {1: ("InternalError", False)})) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", proxy)
        with closing(build_sqs_client(attempts=1)) as refused, pytest.raises(QueueUnavailableError):
            SqsDeadLetterQueue(refused, url).delete(found)
    letters.release(found[1:])
    assert [letter.body for letter in letters.receive()] == ["stays"]
