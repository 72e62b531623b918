"""Everything around a worker: buckets, queues, a state; and how it all looks from outside."""

import hashlib
import json
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.session import get_session

from extractor.domain.jobs import SourceVideo
from local.lambda_runtime.sqs_event import build_event
from tests.proof.cloud import FRAMES, QUEUE_ARN, VIDEOS
from tests.proof.invariant import Announced, View
from tests.proof.stores import Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the queue gave it out: the event for the handler, and what returns or deletes it."""

    event: Mapping[str, Any]
    receipt: str


@dataclass(frozen=True, slots=True)
class World:
    """`letters` counts the dead letters that were seen so far, by code; `events` are the notifications."""

    s3: "S3Client"
    sqs: "SQSClient"
    store: Store
    queue_url: str
    dead_letter_url: str
    events_url: str
    letters: Counter[str] = field(default_factory=Counter)
    events: defaultdict[str, list[Announced]] = field(default_factory=lambda: defaultdict(list))

    def add_video(self, code: str, data: bytes) -> SourceVideo:
        """Upload the video and make it known to the state as fetched."""
        self.s3.put_object(Bucket=VIDEOS, Key=f"{code}.mp4", Body=data)
        self.store.add(code)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return SourceVideo(VIDEOS, f"{code}.mp4", etag, len(data))

    def send(self, body: Mapping[str, object]) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(body))

    def receive(self) -> Message:
        """The message that waits: there is exactly one."""
        (message,) = self.sqs.receive_message(
            QueueUrl=self.queue_url, MessageSystemAttributeNames=["All"], MaxNumberOfMessages=10
        )["Messages"]
        return Message(build_event([message], QUEUE_ARN), message["ReceiptHandle"])

    def give_back_at_once(self) -> None:
        """From now on, every message is visible to others as soon as it was received."""
        self.sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={"VisibilityTimeout": "0"})

    def is_queue_empty(self) -> bool:
        """Whether the queue has no message, visible or not."""
        names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return all(number == "0" for number in found.values())

    def acknowledge(self, message: Message) -> None:
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message.receipt)

    def give_back(self, message: Message) -> None:
        """Its visibility time-out has passed."""
        self.sqs.change_message_visibility(
            QueueUrl=self.queue_url, ReceiptHandle=message.receipt, VisibilityTimeout=0
        )

    def view(self, code: str, video: SourceVideo, *, is_acknowledged: bool) -> View:
        if is_acknowledged:  # before, none is needed
            self._read_dead_letters()
        self._read_events()
        return View(
            known=self.store.look(code, video),
            objects=self.objects(f"{code}/"),
            manifest_key=f"{code}/manifest.json",
            is_acknowledged=is_acknowledged,
            dead_letters=self.letters[code],
            announced=tuple(self.events[code]),
        )

    def objects(self, prefix: str) -> dict[str, bytes]:
        """What lies in the frames bucket."""
        entries = self.s3.list_objects_v2(Bucket=FRAMES, Prefix=prefix).get("Contents", [])
        return {
            entry["Key"]: self.s3.get_object(Bucket=FRAMES, Key=entry["Key"])["Body"].read()
            for entry in entries
        }

    def put_frames(self, objects: Mapping[str, bytes]) -> None:
        for key, data in objects.items():
            digest = hashlib.sha256(data).digest()
            self.s3.put_object(Bucket=FRAMES, Key=key, Body=data, ChecksumSHA256=b64encode(digest).decode())

    def forget(self, code: str) -> None:
        """Remove the objects of a video, so that listings stay short."""
        entries = self.s3.list_objects_v2(Bucket=FRAMES, Prefix=f"{code}/").get("Contents", [])
        if entries:
            gone: Any = {"Objects": [{"Key": entry["Key"]} for entry in entries], "Quiet": True}
            self.s3.delete_objects(Bucket=FRAMES, Delete=gone)
        self.s3.delete_object(Bucket=VIDEOS, Key=f"{code}.mp4")

    def _read_dead_letters(self) -> None:
        found = self.sqs.receive_message(
            QueueUrl=self.dead_letter_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for message in found.get("Messages", []):
            self.letters[message["MessageAttributes"]["code"]["StringValue"]] += 1
            self.sqs.delete_message(QueueUrl=self.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])

    def _read_events(self) -> None:
        while messages := self.sqs.receive_message(QueueUrl=self.events_url, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in messages:
                event = json.loads(message["Body"])
                self.events[event["subject"]].append(Announced(event["type"], event["id"]))
                self.sqs.delete_message(QueueUrl=self.events_url, ReceiptHandle=message["ReceiptHandle"])


@contextmanager
def open_world(store: Store) -> Iterator[World]:
    """Buckets and queues in the cloud that the AWS variables lead to, gone at the end."""
    session = get_session()
    s3 = cast("S3Client", session.create_client("s3"))
    sqs = cast("SQSClient", session.create_client("sqs"))
    with closing(s3), closing(sqs):
        for bucket in (VIDEOS, FRAMES):
            s3.create_bucket(Bucket=bucket)
        urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("main", "dead", "events")]
        main, dead, events = urls
        yield World(s3, sqs, store, main, dead, events)
        for bucket in (VIDEOS, FRAMES):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for entry in page.get("Contents", []):
                    s3.delete_object(Bucket=bucket, Key=entry["Key"])
            s3.delete_bucket(Bucket=bucket)
        for url in urls:
            sqs.delete_queue(QueueUrl=url)
