"""What only DynamoDB does: claims, the older system's items, errors of its own."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config

from extractor import keys
from extractor.adapters.dynamodb import DynamoDBStateStore, build_dynamodb_client
from extractor.errors import AccessDeniedError, ClaimedError, ExtractorError, StateUnavailableError
from extractor.models import Extraction, SourceVideo, StateRow, Subject
from tests.servers.http import Answer, Request, forward, serving

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = 1_782_907_200.0  # 2026-07-01T12:00:00 UTC
LEASE_SECONDS = 900.0
SOURCE = SourceVideo("videos", "instagram/a/video.mp4", "d41d8", 1000)
VIDEO = Subject("a", SOURCE)
BEGUN = StateRow("a", is_fetched=True, is_extracted=False)
EXTRACTION = Extraction(17, "frames/a/", 3, 12.5, 375, 29.97)


class Clock:
    seconds = NOW

    def __call__(self) -> float:
        return self.seconds


class Items:
    """The table, the clock of its stores, and its only item behind their back."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self.client = client
        self.table = table
        self.clock = Clock()
        self.key = {"video_id": {"S": keys.video_id(SOURCE)}}

    def store(self, owner: str, client: "DynamoDBClient | None" = None) -> DynamoDBStateStore:
        return DynamoDBStateStore(client or self.client, self.table, now=self.clock, owner=owner)

    def put(self, **attributes: Mapping[str, Any]) -> None:
        self.client.put_item(TableName=self.table, Item={**self.key, **attributes})

    def get(self) -> Mapping[str, Any]:
        return self.client.get_item(TableName=self.table, Key=self.key)["Item"]


@pytest.fixture
def items(dynamodb_client: "DynamoDBClient", new_videos_table: Callable[[], str]) -> Items:
    return Items(dynamodb_client, new_videos_table())


ClientAt = Callable[[str], "DynamoDBClient"]


@pytest.fixture
def client_at(aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ClientAt]:
    """Makes clients of another endpoint."""
    clients = []

    def make(endpoint_url: str) -> "DynamoDBClient":
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
        clients.append(build_dynamodb_client())
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.mark.failure_row(41)
def test_a_video_that_is_begun_is_not_begun_by_another_worker(items: Items) -> None:
    assert items.store("one").begin(VIDEO, LEASE_SECONDS) == BEGUN
    items.clock.seconds += LEASE_SECONDS - 1
    before = items.get()
    with pytest.raises(ClaimedError):
        items.store("two").begin(VIDEO, LEASE_SECONDS)
    assert items.get() == before


def test_another_version_of_the_object_is_another_video(items: Items) -> None:
    items.store("one").begin(VIDEO, LEASE_SECONDS)
    newer = Subject("a", SourceVideo("videos", "instagram/a/video.mp4", "other", 1000))
    assert items.store("two").begin(newer, LEASE_SECONDS) == BEGUN


def test_a_claim_ends_by_itself(items: Items) -> None:
    items.store("one").begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += LEASE_SECONDS
    assert items.store("two").begin(VIDEO, LEASE_SECONDS) == BEGUN
    assert items.get()["claim_owner"] == {"S": "two"}


def test_a_claim_that_is_given_up_is_free_at_once(items: Items) -> None:
    items.store("one").begin(VIDEO, LEASE_SECONDS)
    items.store("one").release(VIDEO)
    assert items.get()["status"] == {"S": "processing"}
    assert items.store("two").begin(VIDEO, LEASE_SECONDS) == BEGUN


@pytest.mark.failure_row(42)
def test_who_lost_the_claim_changes_nothing(items: Items) -> None:
    slow, quick = items.store("slow"), items.store("quick")
    slow.begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += LEASE_SECONDS
    quick.begin(VIDEO, LEASE_SECONDS)
    before = items.get()
    slow.release(VIDEO)
    slow.record_failure(VIDEO, "UNREADABLE", "any")
    with pytest.raises(ClaimedError):
        slow.mark_extracted(VIDEO, EXTRACTION)
    assert items.get() == before
    quick.mark_extracted(VIDEO, EXTRACTION)
    before = items.get()
    slow.mark_extracted(VIDEO, Extraction(1, "other/", None, 1.0, 1, 1.0))
    slow.record_failure(VIDEO, "UNREADABLE", "any")
    assert items.get() == before


def test_who_is_late_but_was_not_replaced_may_still_finish(items: Items) -> None:
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += 2 * LEASE_SECONDS
    store.mark_extracted(VIDEO, EXTRACTION)
    assert items.get()["status"] == {"S": "processed"}


def test_a_video_that_is_processed_is_not_written_to(items: Items) -> None:
    items.put(status={"S": "processed"}, updated_at={"S": "long ago"})
    before = items.get()
    assert items.store("one").begin(VIDEO, LEASE_SECONDS) == StateRow("a", True, True)
    assert items.get() == before


def test_an_item_is_written_as_the_older_system_does_and_keeps_what_else_it_has(items: Items) -> None:
    items.put(status={"S": "failed"}, error={"S": "any"}, uploader={"S": "somebody"})
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += 1.5
    store.mark_extracted(VIDEO, EXTRACTION)
    assert items.get() == {
        **items.key,
        "status": {"S": "processed"},
        "original_key": {"S": "instagram/a/video.mp4"},
        "frames_count": {"N": "17"},
        "scenes_count": {"N": "3"},
        "frames_prefix": {"S": "frames/a/"},
        "duration_seconds": {"N": "12.5"},
        "total_frames": {"N": "375"},
        "video_fps": {"N": "29.97"},
        "processing_started_at": {"S": "2026-07-01T12:00:00+00:00"},
        "processing_finished_at": {"S": "2026-07-01T12:00:01.500000+00:00"},
        "updated_at": {"S": "2026-07-01T12:00:01.500000+00:00"},
        "uploader": {"S": "somebody"},
    }


def test_scenes_that_were_not_looked_for_are_not_counted(items: Items) -> None:
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    store.mark_extracted(VIDEO, Extraction(1, "frames/a/", None, 1.0, 1, 1.0))
    assert "scenes_count" not in items.get()


def test_a_failure_is_final_for_the_claim(items: Items) -> None:
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    store.record_failure(VIDEO, "UNREADABLE", "moov atom not found")
    item = items.get()
    assert item["status"] == {"S": "failed"}
    assert item["error"] == {"S": "UNREADABLE: moov atom not found"}
    assert not {"claim_owner", "claim_expires_at"} & item.keys()
    assert items.store("two").begin(VIDEO, LEASE_SECONDS) == BEGUN


@pytest.mark.parametrize(
    "started",
    [
        {"S": "2026-07-01T11:44:00+00:00"},
        {"S": "2026-07-01T11:44:00.123456"},
        {"S": "2026-07-01T11:44:00Z"},
        {"S": "2026-07-01T13:44:00+02:00"},
        {"S": "some time ago"},
        {"N": "1782907200"},
        None,
    ],
)
def test_an_old_claim_of_the_older_system_is_taken_over(
    items: Items, started: Mapping[str, str] | None
) -> None:
    begun = {"processing_started_at": started} if started else {}
    items.put(status={"S": "processing"}, uploader={"S": "somebody"}, **begun)
    assert items.store("one").begin(VIDEO, LEASE_SECONDS) == BEGUN
    assert items.get()["uploader"] == {"S": "somebody"}
    assert items.get()["claim_owner"] == {"S": "one"}


@pytest.mark.parametrize(
    "started", ["2026-07-01T11:46:00+00:00", "2026-07-01T11:46:00", "2026-07-01T11:46:00Z"]
)
def test_a_recent_claim_of_the_older_system_holds(items: Items, started: str) -> None:
    items.put(status={"S": "processing"}, processing_started_at={"S": started})
    with pytest.raises(ClaimedError):
        items.store("one").begin(VIDEO, LEASE_SECONDS)


def test_only_one_worker_takes_over_an_old_claim(items: Items, client_at: ClientAt, moto_url: str) -> None:
    """Between the look at the item and the claim, another worker is faster."""
    items.put(status={"S": "processing"}, processing_started_at={"S": "2026-06-30T00:00:00"})
    calls: list[Request] = []

    def answer(request: Request) -> Answer:
        calls.append(request)
        if len(calls) == 2:
            assert items.store("quick").begin(VIDEO, LEASE_SECONDS) == BEGUN
        with httpx.Client(base_url=moto_url) as upstream:
            return forward(request, upstream)

    with serving(answer) as url, pytest.raises(ClaimedError):
        items.store("slow", client_at(url)).begin(VIDEO, LEASE_SECONDS)
    assert (len(calls), items.get()["claim_owner"]) == (2, {"S": "quick"})


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
