"""A DynamoDB table with one item, its stores, and a look behind their back."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from extractor.backends.state.base import StateRow
from extractor.backends.state.dynamodb.store import DynamoDBStateStore
from extractor.domain import keys
from extractor.domain.jobs import SourceVideo, VideoRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ClientAt = Callable[[str], "DynamoDBClient"]

NOW = 1_782_907_200.0  # 2026-07-01T12:00:00 UTC
LEASE_SECONDS = 900.0
SOURCE = SourceVideo("videos", "instagram/a/video.mp4", "d41d8", 1000)
VIDEO = VideoRef("a", SOURCE)
BEGUN = StateRow("a", is_fetched=True, is_extracted=False)


class Clock:
    """Stands until it is set."""

    seconds = NOW

    def __call__(self) -> float:
        return self.seconds


class Items:
    """The table, the clock of its stores, and its only item behind their back."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self.client = client
        self.table = table
        self.clock = Clock()
        self.key = {"video_id": {"S": keys.content_id(SOURCE)}}

    def store(self, owner: str, client: "DynamoDBClient | None" = None) -> DynamoDBStateStore:
        return DynamoDBStateStore(client or self.client, self.table, now=self.clock, owner=owner)

    def put(self, **attributes: Mapping[str, Any]) -> None:
        self.client.put_item(TableName=self.table, Item={**self.key, **attributes})

    def get(self) -> Mapping[str, Any]:
        return self.client.get_item(TableName=self.table, Key=self.key)["Item"]
