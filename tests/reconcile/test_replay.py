"""No dead letter is lost, whatever breaks while it is sent back."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from extractor.adapters.sqs import SqsDeadLetters, SqsQueue, build_sqs_client
from extractor.errors import QueueUnavailableError
from extractor.models import OutgoingMessage, SendFailure
from extractor.ports import DeadLetter
from extractor.reconcile.replay import replay
from tests.reconcile.planting import Queue

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
    letters = SqsDeadLetters(client, url)
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


def test_a_queue_that_is_not_there_is_unavailable(client: "SQSClient", new_queue: Callable[[], str]) -> None:
    with pytest.raises(QueueUnavailableError):
        SqsDeadLetters(client, new_queue() + "-not").receive()
