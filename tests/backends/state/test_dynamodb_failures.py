"""Every failure of DynamoDB is named for what it is, and an answer that is lost does no harm."""

import json

import boto3
import httpx
import pytest
from botocore.config import Config

from extractor.backends.state.dynamodb.store import DynamoDBStateStore
from extractor.errors import AccessDeniedError, ExtractorError, StateUnavailableError
from tests.backends.state.items import BEGUN, LEASE_SECONDS, VIDEO, ClientAt, Items
from tests.backends.state.tables import EXTRACTION
from tests.support.servers.http import Answer, Request, forward, serving


@pytest.mark.failure_row(34)
def test_an_answer_that_is_lost_does_not_lock_the_worker_out(
    items: Items, client_at: ClientAt, moto_url: str
) -> None:
    """The client itself repeats what it has no answer to."""
    calls: list[Request] = []

    def answer(request: Request) -> Answer:
        calls.append(request)
        with httpx.Client(base_url=moto_url) as upstream:
            done = forward(request, upstream)
        return Answer(500) if len(calls) % 2 else done

    with serving(answer) as url:
        store = items.store("one", client_at(url))
        assert store.begin(VIDEO, LEASE_SECONDS) == BEGUN
        store.mark_extracted(VIDEO, EXTRACTION)
    assert (len(calls), items.get()["status"]) == (4, {"S": "processed"})


@pytest.mark.failure_row(9)
@pytest.mark.failure_row(38)
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "AccessDeniedException", AccessDeniedError),
        (400, "UnrecognizedClientException", AccessDeniedError),
        (400, "ExpiredTokenException", AccessDeniedError),
        (403, "SomethingNew", AccessDeniedError),
        (400, "ProvisionedThroughputExceededException", StateUnavailableError),
        (400, "ThrottlingException", StateUnavailableError),
        (400, "RequestLimitExceeded", StateUnavailableError),
        (400, "ResourceNotFoundException", StateUnavailableError),
        (400, "ValidationException", StateUnavailableError),
        (500, "InternalServerError", StateUnavailableError),
        (400, "SomethingNew", StateUnavailableError),
    ],
)
def test_a_refusal_is_named_for_what_it_is(
    items: Items, status: int, code: str, expected: type[ExtractorError]
) -> None:
    once = Config(retries={"total_max_attempts": 1})
    answer = Answer(status, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}"}).encode())
    with serving(lambda _: answer) as endpoint, pytest.raises(ExtractorError, match=code) as caught:
        client = boto3.client("dynamodb", endpoint_url=endpoint, config=once)
        items.store("one", client).begin(VIDEO, LEASE_SECONDS)
    assert type(caught.value) is expected


def test_a_missing_table_is_an_error_that_names_the_setting(items: Items) -> None:
    store = DynamoDBStateStore(items.client, "missing")
    with pytest.raises(StateUnavailableError, match="VIDEOS_TABLE"):
        store.begin(VIDEO, LEASE_SECONDS)


def test_a_table_with_another_key_is_an_error_that_names_the_setting(items: Items) -> None:
    items.client.create_table(
        TableName="other-key",
        KeySchema=[{"AttributeName": "code", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "code", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(StateUnavailableError, match="VIDEOS_TABLE"):
        DynamoDBStateStore(items.client, "other-key").begin(VIDEO, LEASE_SECONDS)


@pytest.mark.failure_row(38)
def test_an_endpoint_that_is_not_there_is_a_state_that_is_unavailable(
    items: Items, client_at: ClientAt
) -> None:
    with serving(lambda _: Answer(200)) as url:
        pass  # the port is closed again
    with pytest.raises(StateUnavailableError):
        items.store("one", client_at(url)).begin(VIDEO, LEASE_SECONDS)


def test_missing_credentials_are_a_denial(
    items: Items, client_at: ClientAt, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessDeniedError):
        items.store("one", client_at(moto_url)).begin(VIDEO, LEASE_SECONDS)
