"""One contract for SQS as the enqueuer needs it, met by moto and by the endpoint of the large tests."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from extractor.backends.queues.base import OutgoingMessage, QueueDepth
from extractor.backends.queues.sqs import SqsQueue, build_sqs_client
from extractor.errors import QueueUnavailableError, SettingsError
from tests.support.servers.http import Answer, Request, forward, serving
from tests.support.servers.sqs_endpoint import Faults, SqsEndpoint, sqs_endpoint

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MESSAGES = [OutgoingMessage(json.dumps({"code": f"ü{number}"})) for number in range(10)]
BODIES = [message.body for message in MESSAGES]


@dataclass(frozen=True, slots=True)
class Bench:
    """A queue, a client that reaches it, and what lies in it."""

    client: "SQSClient"
    url: str
    bodies: Callable[[], list[str]]


@contextmanager
def client_at(endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator["SQSClient"]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    client = build_sqs_client(attempts=1)
    yield client
    client.close()


@pytest.fixture(params=["moto", "endpoint"])
def bench(
    request: pytest.FixtureRequest,
    aws_environment: dict[str, str],
    moto_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    if request.param == "moto":
        url = request.getfixturevalue("new_queue")()
        with client_at(moto_url, monkeypatch) as client:
            yield Bench(client, url, lambda: sorted(received(client, url)))
    else:
        with sqs_endpoint() as endpoint, client_at(endpoint.url, monkeypatch) as client:
            yield Bench(client, endpoint.create_queue("q"), lambda: sorted(endpoint.messages["q"]))


def received(client: "SQSClient", url: str) -> Iterator[str]:
    while batch := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        yield from (message["Body"] for message in batch)


def test_ten_messages_are_confirmed_and_arrive(bench: Bench) -> None:
    assert SqsQueue(bench.client, bench.url).send(MESSAGES) == []
    assert bench.bodies() == BODIES


def test_the_depth_is_the_number_of_messages(bench: Bench) -> None:
    queue = SqsQueue(bench.client, bench.url)
    assert queue.depth() == QueueDepth(waiting=0, in_flight=0, delayed=0, dead_letters=None)
    queue.send(MESSAGES[:3])
    assert queue.depth() == QueueDepth(waiting=3, in_flight=0, delayed=0, dead_letters=None)


@pytest.mark.parametrize("count", [0, 11])
def test_a_call_with_too_few_or_too_many_messages_is_refused_as_a_whole(bench: Bench, count: int) -> None:
    with pytest.raises(QueueUnavailableError):
        SqsQueue(bench.client, bench.url).send([OutgoingMessage("body")] * count)
    assert bench.bodies() == []


@pytest.mark.failure_row(46)
def test_a_queue_that_does_not_exist_is_a_wrong_setting(bench: Bench) -> None:
    queue = SqsQueue(bench.client, f"{bench.url}-another")
    with pytest.raises(SettingsError, match="SQS_QUEUE_URL"):
        queue.send(MESSAGES)
    with pytest.raises(SettingsError, match="SQS_QUEUE_URL"):
        queue.depth()


def test_messages_being_worked_on_delayed_and_dead_are_told_apart(
    sqs_client: "SQSClient", new_queue: Callable[[], str]
) -> None:
    url, dead = new_queue(), new_queue()
    arn = sqs_client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    redrive = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 3}
    sqs_client.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(redrive)})
    queue = SqsQueue(sqs_client, url)
    queue.send(MESSAGES)
    SqsQueue(sqs_client, dead).send(MESSAGES[:2])
    sqs_client.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
    sqs_client.receive_message(QueueUrl=url, MaxNumberOfMessages=4)
    assert queue.depth() == QueueDepth(waiting=6, in_flight=4, delayed=1, dead_letters=2)
    assert queue.depth().total == 11


def test_dead_letters_that_may_not_be_read_are_unknown_and_the_rest_is_told(
    sqs_client: "SQSClient", new_queue: Callable[[], str], moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_queue()
    redrive = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:other", "maxReceiveCount": 3}
    sqs_client.create_queue(QueueName="other")
    sqs_client.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(redrive)})
    with serving(Denies("GetQueueUrl", moto_url)) as endpoint, client_at(endpoint, monkeypatch) as client:
        assert SqsQueue(client, url).depth() == QueueDepth(0, 0, 0, dead_letters=None)


@dataclass(frozen=True, slots=True)
class Denies:
    """Denies one operation, and forwards the others."""

    operation: str
    upstream_url: str

    def __call__(self, request: Request) -> Answer:
        if request.headers["X-Amz-Target"].endswith(self.operation):
            return Answer(403, b'{"__type": "com.amazonaws.sqs#AccessDeniedException"}')
        with httpx.Client(base_url=self.upstream_url) as upstream:
            return forward(request, upstream)


@pytest.mark.failure_row(43)
def test_the_endpoint_refuses_entries_of_its_own_accord(
    aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        sqs_endpoint(SqsEndpoint(Faults(refused_entries=0.5))) as endpoint,
        client_at(endpoint.url, monkeypatch) as client,
    ):
        failures = SqsQueue(client, endpoint.create_queue("q")).send(MESSAGES)
        refused = {BODIES[failure.position] for failure in failures}
        assert 0 < len(refused) < 10
        assert sorted(refused | set(endpoint.messages["q"])) == BODIES
        assert not any(failure.sender_fault for failure in failures)


@pytest.mark.failure_row(46)
@pytest.mark.parametrize(
    ("faults", "taken"), [(Faults(lost_answers=1.0), 10), (Faults(throttled_calls=1.0), 0)]
)
def test_the_endpoint_loses_answers_to_what_it_took_and_throttles_without_taking(
    aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, faults: Faults, taken: int
) -> None:
    with (
        sqs_endpoint(SqsEndpoint(faults)) as endpoint,
        client_at(endpoint.url, monkeypatch) as client,
    ):
        with pytest.raises(QueueUnavailableError):
            SqsQueue(client, endpoint.create_queue("q")).send(MESSAGES)
        assert len(endpoint.messages["q"]) == taken
