"""The steps of docs/howto/migrate.md from Supabase and a queue, on PostgREST and PostgreSQL: first beside the
older system, then in its place."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

import lambda_function
from extractor import container
from extractor.domain.manifest import parse_manifest
from local.lambda_runtime.sqs_event import build_event
from tests.handler.conftest import Context
from tests.migration.page import PAGE, blocks
from tests.support.media import clips
from tests.support.processes import run_python
from tests.support.servers.supabase import Supabase, supabase

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ROOT = Path(__file__).parents[2]
VIDEOS, FRAMES = "oriane-videos", "oriane-frames"
STEPS = blocks(PAGE.partition("## Switch over")[2])
TRIAL = dict(line.strip().split("=", 1) for line in STEPS["trial_settings"].splitlines())

OLDER_TABLE = """
create table insta_content (
  code varchar(64) primary key, is_downloaded boolean default false, is_extracted boolean default false,
  frames integer, extract_error text
);
insert into insta_content values
  ('done', true, true, 5, null), ('new', true, false, null, null), ('absent', false, false, null, null);
"""


class Move:
    """Both systems' surroundings; the settings of the function are changed on the way."""

    def __init__(
        self,
        server: Supabase,
        s3: "S3Client",
        sqs: "SQSClient",
        queue_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.server, self.s3, self._sqs, self._queue_url = server, s3, sqs, queue_url
        self._monkeypatch = monkeypatch

    def settings(self, variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)
        self.forget()

    def forget(self) -> None:
        """Have the handler read the settings anew, with connections of its own."""
        if lambda_function._app.cache_info().currsize:
            cast(Any, lambda_function._app().worker.context.state)._client.session.close()
        lambda_function._app.cache_clear()

    def queue(self, *options: str) -> str:
        """Run `run_sqs_batches.py`; gives what it printed."""
        run = run_python([ROOT / "run_sqs_batches.py", *options], os.environ, Path.cwd())
        assert run.returncode == 0, run.stderr
        return run.stdout

    def send(self, message: Mapping[str, Any]) -> None:
        """As the older producer does."""
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message))

    def work(self) -> None:
        """Empty the queue; no message comes back."""
        while messages := self._sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            event = build_event(messages, "arn:aws:sqs:us-east-1:123456789012:main")
            answer = lambda_function.lambda_handler(event, cast(Any, Context()))
            assert answer == {"batchItemFailures": []}
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])

    def frames(self) -> dict[str, bytes]:
        found = self.s3.list_objects_v2(Bucket=FRAMES).get("Contents", [])
        return {
            entry["Key"]: self.s3.get_object(Bucket=FRAMES, Key=entry["Key"])["Body"].read()
            for entry in found
        }

    def rows(self, table: str) -> list[str]:
        return self.server.database.sql(f"select * from {table} order by code").split()


@pytest.fixture(scope="module")
def server() -> Iterator[Supabase]:
    with supabase(OLDER_TABLE) as server:
        yield server


@pytest.fixture
def move(
    server: Supabase,
    s3_client: "S3Client",
    sqs_client: "SQSClient",
    new_queue: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Move]:
    monkeypatch.chdir(tmp_path)
    queue_url = new_queue()
    lambda_function._app.cache_clear()  # it may be another test's
    move = Move(server, s3_client, sqs_client, queue_url, monkeypatch)
    container._s3_client.cache_clear()  # it may lead to another test's server
    move.settings(
        {
            "STATE_BACKEND": "supabase",
            "SUPABASE_URL": server.url,
            "SUPABASE_KEY": server.service_key,
            "SQS_QUEUE_URL": queue_url,
            "DEAD_LETTER_QUEUE_URL": new_queue(),
            "WORK_DIR": str(tmp_path / "work"),
        }
    )
    for bucket in (VIDEOS, FRAMES):
        s3_client.create_bucket(Bucket=bucket)
    yield move
    move.forget()
    container._s3_client.cache_clear()
    for bucket in (VIDEOS, FRAMES):
        for entry in s3_client.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3_client.delete_object(Bucket=bucket, Key=entry["Key"])
        s3_client.delete_bucket(Bucket=bucket)


def test_the_steps_of_the_page_lead_from_the_older_system_to_this_one(move: Move, tmp_path: Path) -> None:
    clip = clips.plain(tmp_path / "clip.mp4", 5, pictures="testsrc2=size=160x120:rate=25")
    for code in ("done", "new"):
        move.s3.put_object(Bucket=VIDEOS, Key=f"instagram/{code}/video.mp4", Body=clip.read_bytes())
    older = {f"instagram/done/frames/1sec/{second}.jpg": b"older" for second in range(6)}
    for key, data in older.items():
        move.s3.put_object(Bucket=FRAMES, Key=key, Body=data)
    before = move.rows("insta_content")

    # 1 and 2. Beside the older system, with a table and keys of its own.
    move.server.database.sql(STEPS["trial"] + "notify pgrst, 'reload schema';")
    move.settings(TRIAL)
    assert "2 videos queued" in move.queue("--platform", "instagram", "--requeue-after", "0")
    move.work()
    assert move.rows("insta_content") == before
    trial = {key: data for key, data in move.frames().items() if key.startswith("trial/")}
    assert {key.removeprefix("trial/") for key in trial} == {
        f"instagram/{code}/frames/1sec/{name}"
        for code in ("done", "new")
        for name in ("manifest.json", *(f"{second}.jpg" for second in range(5)))
    }
    assert move.frames().items() - trial.items() == older.items()

    # 3 and 4. In the place of the older system: its table, its keys, its producer's messages.
    move.settings({"STATE_TABLE": "insta_content", "FRAMES_LAYOUT": "seconds"})
    for code in ("done", "new"):
        move.send({"shortcode": code, "platform": "instagram", "frame_interval": 1, "ext": "jpg"})
    move.work()
    assert "new|t|t|5|" in move.rows("insta_content")
    now = move.frames()
    assert {key for key in now if key.startswith("instagram/new/")} == {
        f"instagram/new/frames/1sec/{name}" for name in ("manifest.json", *(f"{n}.jpg" for n in range(5)))
    }

    # 5. What was extracted stays so, until it is set back.
    assert older.items() <= now.items()
    move.server.database.sql("update insta_content set is_extracted = false where code = 'done'")
    assert "1 video queued" in move.queue("--platform", "instagram", "--requeue-after", "0")
    move.work()
    again = move.frames()
    manifest = parse_manifest(again["instagram/done/frames/1sec/manifest.json"])
    assert manifest is not None
    made = {f"instagram/done/frames/1sec/{second}.jpg" for second in range(5)}
    assert {frame.key for frame in manifest.frames} == made
    assert not any(again[key] == b"older" for key in made)
    assert again["instagram/done/frames/1sec/5.jpg"] == b"older"
