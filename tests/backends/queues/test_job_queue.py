"""The contract of a queue: what it did not confirm was not sent, and the caller learns which."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from extractor.backends.queues.base import OutgoingMessage, SendFailure
from extractor.backends.queues.batches import BATCH_BYTES
from extractor.backends.queues.sqs import SqsQueue, build_sqs_client
from extractor.container import build_job_queue
from extractor.errors import AccessDeniedError, ExtractorError, QueueUnavailableError, SettingsError
from extractor.settings import load_settings
from tests.support.servers.http import Answer, Request, serving
from tests.support.servers.sqs_proxy import SqsProxy

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

NewQueue = Callable[[], str]
QueueAt = Callable[..., SqsQueue]


@pytest.fixture
def queue_at(aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueAt]:
    """Makes queues that are reached at another endpoint."""
    clients = []

    def make(endpoint_url: str, queue_url: str, group: str = "") -> SqsQueue:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
        clients.append(build_sqs_client(attempts=1))
        return SqsQueue(clients[-1], queue_url, group)

    yield make
    for client in clients:
        client.close()


def received(sqs: "SQSClient", url: str) -> "list[MessageTypeDef]":
    messages: list[MessageTypeDef] = []
    while batch := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        messages += batch
    return messages


def bodies(sqs: "SQSClient", url: str) -> list[str]:
    return sorted(message["Body"] for message in received(sqs, url))


def messages(count: int) -> list[OutgoingMessage]:
    return [OutgoingMessage(f"body {number}") for number in range(count)]


def test_ten_messages_arrive(sqs_client: "SQSClient", new_queue: NewQueue) -> None:
    url = new_queue()
    assert SqsQueue(sqs_client, url).send(messages(10)) == []
    assert bodies(sqs_client, url) == [message.body for message in messages(10)]


def test_attributes_arrive_as_strings(sqs_client: "SQSClient", new_queue: NewQueue) -> None:
    url = new_queue()
    SqsQueue(sqs_client, url).send([OutgoingMessage("body", {"reason": "UNREADABLE", "detail": "é «moov»"})])
    attributes = received(sqs_client, url)[0]["MessageAttributes"]
    assert {name: (value["DataType"], value["StringValue"]) for name, value in attributes.items()} == {
        "reason": ("String", "UNREADABLE"),
        "detail": ("String", "é «moov»"),
    }


def test_characters_that_a_queue_refuses_are_replaced(sqs_client: "SQSClient", new_queue: NewQueue) -> None:
    url = new_queue()
    SqsQueue(sqs_client, url).send([OutgoingMessage("body", {"detail": "a\0b\x1b[31m\ud800\ufffe\tc\n"})])
    detail = received(sqs_client, url)[0]["MessageAttributes"]["detail"]["StringValue"]
    assert detail == "a�b�[31m��\tc\n"


@pytest.mark.failure_row(43)
def test_refused_entries_are_told_by_their_position(
    sqs_client: "SQSClient", new_queue: NewQueue, queue_at: QueueAt, moto_url: str
) -> None:
    url = new_queue()
    proxy = SqsProxy(moto_url, refuse={1: ("InternalError", False), 3: ("InvalidMessageContents", True)})
    with serving(proxy) as endpoint:
        failures = queue_at(endpoint, url).send(messages(5))
    assert failures == [
        SendFailure(1, "InternalError", sender_fault=False),
        SendFailure(3, "InvalidMessageContents", sender_fault=True),
    ]
    assert bodies(sqs_client, url) == ["body 0", "body 2", "body 4"]


@pytest.mark.failure_row(43)
def test_an_entry_that_the_answer_does_not_mention_was_not_sent(queue_at: QueueAt) -> None:
    confirmed = {"Successful": [{"Id": "0", "MessageId": "x", "MD5OfMessageBody": "x"}]}
    with serving(lambda _: Answer(200, json.dumps(confirmed).encode())) as endpoint:
        failures = queue_at(endpoint, endpoint + "/1/queue").send(messages(2))
    assert [(failure.position, failure.sender_fault) for failure in failures] == [(1, False)]


@pytest.mark.failure_row(46)
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDeniedException", AccessDeniedError),
        (403, "InvalidClientTokenId", AccessDeniedError),
        (400, "AccessDenied", AccessDeniedError),
        (400, "KmsDisabled", AccessDeniedError),
        (400, "KMS.AccessDeniedException", AccessDeniedError),
        (400, "KmsThrottled", QueueUnavailableError),
        (400, "RequestThrottled", QueueUnavailableError),
        (400, "AWS.SimpleQueueService.NonExistentQueue", SettingsError),
        (503, "ServiceUnavailable", QueueUnavailableError),
        (500, "SomethingNew", QueueUnavailableError),
    ],
)
def test_a_call_that_is_refused_as_a_whole_is_named_for_what_it_is(
    queue_at: QueueAt, status: int, code: str, expected: type[ExtractorError]
) -> None:
    answer = Answer(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}"}).encode())
    with serving(lambda _: answer) as endpoint, pytest.raises(ExtractorError) as caught:
        queue_at(endpoint, endpoint + "/1/queue").send(messages(1))
    assert type(caught.value) is expected


@pytest.mark.failure_row(46)
def test_a_queue_that_is_not_there_is_unavailable(queue_at: QueueAt) -> None:
    with serving(lambda _: Answer(200)) as endpoint:
        pass  # the port is closed again
    with pytest.raises(QueueUnavailableError):
        queue_at(endpoint, endpoint + "/1/queue").send(messages(1))


def test_missing_credentials_are_a_denial(
    queue_at: QueueAt, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessDeniedError):
        queue_at(moto_url, moto_url + "/1/queue").send(messages(1))


@pytest.mark.operations_row(7)
def test_messages_that_are_too_large_together_are_sent_apart(
    sqs_client: "SQSClient", new_queue: NewQueue
) -> None:
    url = new_queue()
    large = [OutgoingMessage(f"{number}" + "ü" * 57_000) for number in range(10)]
    assert SqsQueue(sqs_client, url).send(large) == []
    assert bodies(sqs_client, url) == sorted(message.body for message in large)


def test_the_message_group_arrives_and_counts_for_the_size_of_a_batch(
    sqs_client: "SQSClient", new_queue: NewQueue, queue_at: QueueAt
) -> None:
    url = new_queue()
    assert SqsQueue(sqs_client, url, "backlog").send(messages(2)) == []
    taken = sqs_client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )["Messages"]
    assert [message["Attributes"]["MessageGroupId"] for message in taken] == ["backlog"] * 2

    sizes: list[int] = []

    def answer(request: Request) -> Answer:
        entries = json.loads(request.body)["Entries"]
        sizes.append(len(entries))
        done = [{"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x"} for entry in entries]
        return Answer(200, json.dumps({"Successful": done}).encode())

    half = [OutgoingMessage("x" * (BATCH_BYTES // 2))] * 2
    with serving(answer) as endpoint:
        queue_at(endpoint, f"{endpoint}/1/q").send(half)
        queue_at(endpoint, f"{endpoint}/1/q", "g").send(half)
    assert sizes == [2, 1, 1]


GROUP_REFUSED = (
    "Value backlog for parameter MessageGroupId is invalid. Reason: not valid for this queue type."
)
FAILED_ENTRY = {"Id": "0", "Code": "InvalidParameterValue", "Message": GROUP_REFUSED, "SenderFault": True}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, json.dumps({"__type": "InvalidParameterValue", "message": GROUP_REFUSED}).encode()),
        Answer(200, json.dumps({"Failed": [FAILED_ENTRY]}).encode()),
    ],
)
def test_a_server_that_takes_no_message_group_is_named_at_once(queue_at: QueueAt, answer: Answer) -> None:
    with (
        serving(lambda _: answer) as endpoint,
        pytest.raises(SettingsError, match="refuses the message group"),
    ):
        queue_at(endpoint, f"{endpoint}/1/q").send(messages(1))


@pytest.mark.operations_row(7)
def test_a_batch_that_fails_after_another_was_sent_names_only_its_own_messages(queue_at: QueueAt) -> None:
    calls: list[int] = []

    def answer(request: Request) -> Answer:
        calls.append(len(request.body))
        if len(calls) > 1:
            return Answer(500, b"{}")
        sent = {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}], "Failed": []}
        return Answer(200, json.dumps(sent).encode(), {"Content-Type": "application/x-amz-json-1.0"})

    with serving(answer) as url:
        failures = queue_at(url, f"{url}/1/q").send([OutgoingMessage("x" * 200_000)] * 3)
    assert [(failure.position, failure.code) for failure in failures] == [
        (1, "QUEUE_UNAVAILABLE"),
        (2, "QUEUE_UNAVAILABLE"),
    ]


@pytest.mark.operations_row(17)
def test_a_queue_that_does_not_exist_or_is_fifo_is_final_at_once(
    sqs_client: "SQSClient", new_queue: NewQueue
) -> None:
    fifo = sqs_client.create_queue(QueueName="any.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for url in (f"{new_queue()}-gone", fifo):
        with pytest.raises(SettingsError, match="SQS_QUEUE_URL"):
            SqsQueue(sqs_client, url).send(messages(1))
    settings = load_settings({"STATE_BACKEND": "sqlite", "SQLITE_PATH": "any", "SQS_QUEUE_URL": fifo})
    with pytest.raises(SettingsError, match="FIFO"):
        build_job_queue(settings)
