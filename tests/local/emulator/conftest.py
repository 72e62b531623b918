"""The real handler under AWS's own emulator, with an S3, an SQS and a state around it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.manifest import Manifest, parse_manifest
from local.cloud import EmbeddedCloud
from local.lambda_runtime.emulator import EmulatedFunction
from local.lambda_runtime.emulator_binary import EmulatorUnavailableError, emulator_binary
from local.lambda_runtime.sqs_event import build_event
from tests.support.media import clips

TABLE = "watched_content"


@dataclass(frozen=True, slots=True)
class World:
    """What surrounds the function. `log` is what function and emulator write."""

    cloud: EmbeddedCloud
    directory: Path

    @property
    def database(self) -> Path:
        return self.directory / "state.sqlite"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def add_video(self, code: str, data: bytes) -> None:
        self.cloud.s3().put_object(Bucket=self.cloud.VIDEOS_BUCKET, Key=f"{code}.mp4", Body=data)
        SqliteStateStore(self.database, TABLE).add(code, is_fetched=True)

    def environment(self, **changes: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            **self.cloud.environment(),
            "STATE_BACKEND": "sqlite",
            "STATE_TABLE": TABLE,
            "SQLITE_PATH": str(self.database),
            "WORK_DIR": str(self.directory / "work"),
            **changes,
        }

    @contextmanager
    def function(self, timeout_seconds: int = 60, **changes: str) -> Iterator[EmulatedFunction]:
        with (
            self.log.open("ab") as output,
            EmulatedFunction(
                self.environment(**changes), timeout_seconds=timeout_seconds, output=output
            ) as function,
        ):
            yield function

    def receive(self, *bodies: str) -> dict[str, Any]:
        """The event of a batch with these bodies, sent to the queue and received from it."""
        sqs = self.cloud.sqs()
        for body in bodies:
            sqs.send_message(QueueUrl=self.cloud.queue_url, MessageBody=body)
        messages: list[Any] = []
        while len(messages) < len(bodies):
            messages += sqs.receive_message(
                QueueUrl=self.cloud.queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
            ).get("Messages", [])
        return build_event(messages, self.cloud.queue_arn)

    def is_extracted(self, code: str) -> bool:
        return bool(self._state("is_extracted", code))

    def error(self, code: str) -> str:
        """The reason and its detail; empty if there is none."""
        return str(self._state("extract_error", code) or "")

    def _state(self, column: str, code: str) -> object:
        with closing(sqlite3.connect(self.database)) as connection:
            (value,) = connection.execute(f"SELECT {column} FROM {TABLE} WHERE code = ?", (code,)).fetchone()
        result: object = value
        return result

    def keys(self, code: str) -> set[str]:
        listing = self.cloud.s3().list_objects_v2(Bucket=self.cloud.FRAMES_BUCKET, Prefix=f"{code}/")
        return {entry["Key"] for entry in listing.get("Contents", [])}

    def manifest(self, code: str) -> Manifest:
        """Of the video, whose frames must all be there, and nothing else."""
        key = f"{code}/manifest.json"
        data = self.cloud.s3().get_object(Bucket=self.cloud.FRAMES_BUCKET, Key=key)["Body"].read()
        manifest = parse_manifest(data)
        assert manifest is not None
        assert self.keys(code) == {key, *(frame.key for frame in manifest.frames)}
        return manifest

    def dead_letters(self) -> dict[str, str]:
        """The reasons by body, taken out."""
        messages = self.cloud.sqs().receive_message(
            QueueUrl=self.cloud.dead_letter_queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return {
            message["Body"]: message["MessageAttributes"]["reason"]["StringValue"]
            for message in messages.get("Messages", [])
        }


@pytest.fixture(scope="session")
def emulator() -> None:
    """Skips where the emulator cannot be had, but not in continuous integration."""
    try:
        emulator_binary()
    except EmulatorUnavailableError as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="package")
def cloud(emulator: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """One for all tests, each of which has codes of its own."""
    with EmbeddedCloud(log=tmp_path_factory.mktemp("cloud") / "log") as running:
        yield running


@pytest.fixture
def world(cloud: EmbeddedCloud, tmp_path: Path) -> World:
    return World(cloud, tmp_path)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three seconds, so three frames."""
    return clips.plain(tmp_path_factory.mktemp("clip") / "clip.mp4").read_bytes()
