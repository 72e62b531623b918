"""The whole way on real PostgreSQL and PostgREST, which cuts pages short and sorts as people do, with real S3
and SQS over HTTP, and no more rights than those of the worker's role."""

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extractor.backends.state.supabase import SupabaseStateStore, build_postgrest_client
from extractor.reconcile.findings import FindingKind
from tests.reconcile.fixtures import FRAMES, TABLE, TEMPLATES, VIDEOS, Ground, plant
from tests.reconcile.memory import MemoryStore
from tests.support.processes import run_python
from tests.support.servers.supabase import Supabase, supabase

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ROOT = Path(__file__).parents[2]
SOUND, WAITING, EACH = 60, 300, 2
MOST_ROWS = 50  # that the server gives at once
SCHEMA = (
    (ROOT / "scripts" / "schema.sql").read_text()
    + f"""
alter table {TABLE} alter column code type text collate "und-x-icu";
alter table {TABLE} alter column is_extracted drop not null;
alter role authenticator set pgrst.db_max_rows = '{MOST_ROWS}';
"""
)
MARKED = {FindingKind.NOT_MARKED, FindingKind.WRONG_FRAME_COUNT}
ORPHANS = {"frames of nobody", "video of nobody", "video of stray"}
NOW = ("--older-than", "0s")
EVERYTHING = (*NOW, "--deep", "--sample", "1")


@pytest.fixture(scope="module")
def server() -> Iterator[Supabase]:
    with supabase(SCHEMA) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Planted:
    """`wrong` is what is to be found, by code."""

    wrong: dict[str, FindingKind]
    s3: "S3Client"
    sqs: "SQSClient"
    queue_url: str
    server: Supabase
    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> tuple[int, list[str]]:
        """A command in a process of its own: its exit status, and what it printed."""
        run = run_python(["-m", "extractor.reconcile", *arguments], self.environment, self.folder)
        assert run.stderr == ""
        return run.returncode, run.stdout.splitlines()

    def findings(self) -> dict[str, str]:
        """Those of the last command, by code."""
        found = json.loads((self.folder / "found.json").read_text())
        assert len({one["code"] for one in found}) == len(found)
        return {one["code"]: one["kind"] for one in found}

    def queued(self) -> list[str]:
        """The codes in the queue, which is empty then."""
        codes = []
        while batch := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            codes += [json.loads(message["Body"])["code"] for message in batch]
        return codes

    def untried(self) -> set[str]:
        query = f"select code from {TABLE} where not is_extracted and enqueued_at is not null"
        return set(self.server.database.sql(query).split())


@pytest.fixture
def planted(
    server: Supabase,
    aws_environment: dict[str, str],
    s3_client: "S3Client",
    sqs_client: "SQSClient",
    new_queue: Callable[[], str],
    tmp_path: Path,
) -> Planted:
    ground = Ground(tmp_path / "unused.sqlite")
    wrong = sow(ground)
    fill(server, ground)
    for bucket, store in ((FRAMES, ground.frames), (VIDEOS, ground.videos)):
        s3_client.create_bucket(Bucket=bucket)
        upload(s3_client, bucket, store)
    queue_url = new_queue()
    environment = {
        **aws_environment,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "STATE_BACKEND": "supabase",
        "SUPABASE_URL": server.url,
        "SUPABASE_KEY": server.anon_key,
        "SUPABASE_TOKEN": server.token("frame_extractor"),
        "S3_BUCKET_FRAMES": FRAMES,
        "S3_BUCKET_VIDEOS": VIDEOS,
        "VIDEO_KEYS": ",".join(TEMPLATES),
        "SQS_QUEUE_URL": queue_url,
    }
    return Planted(wrong, s3_client, sqs_client, queue_url, server, tmp_path, environment)


def sow(ground: Ground) -> dict[str, FindingKind]:
    """Sound videos, waiting ones, every trouble there is, and frames and videos without a row."""
    chance = random.Random(11)
    troubles: list[FindingKind | None] = [None] * SOUND + [kind for kind in FindingKind for _ in range(EACH)]
    wrong = {}
    for number, kind in enumerate(troubles):
        code = f"{chance.choice('aBcD-_')}{chance.choice('AbCd-_')}{chance.getrandbits(24):x}.{number}"
        platform = chance.choice(["instagram", "tiktok", None])
        if kind is None:
            ground.sound(code, platform)
        else:
            plant(ground, kind, code, platform)
            wrong[code] = kind
    for number in range(WAITING):
        ground.row(f"Waiting-{number}", extracted=False)
    kept = list(ground.rows)
    ground.sound("nobody", "tiktok")
    ground.video("stray", "tiktok")
    ground.rows[:] = kept
    return wrong


def fill(server: Supabase, ground: Ground) -> None:
    """The rows; what is not extracted has no value there, as tables of other people have it."""
    rows = [
        {"code": code, "is_fetched": fetched, "is_extracted": extracted or None, "frame_count": count}
        for code, fetched, extracted, _, count, _ in ground.rows
    ]
    values = json.dumps(rows).replace("'", "''")
    columns = "code, is_fetched, is_extracted, frame_count"
    server.database.sql(
        f"truncate {TABLE}; insert into {TABLE} ({columns}) "
        f"select {columns} from json_populate_recordset(null::{TABLE}, '{values}')"
    )


def upload(s3: "S3Client", bucket: str, store: MemoryStore) -> None:
    def put(key: str) -> None:
        found = store.read(key)
        assert found is not None
        assert s3.put_object(Bucket=bucket, Key=key, Body=found.data)["ETag"].strip('"') == found.etag

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, store.keys))


def test_the_server_cuts_pages_short_and_sorts_as_people_do(server: Supabase, tmp_path: Path) -> None:
    """Else the other tests would prove less."""
    ground = Ground(tmp_path / "unused.sqlite")
    sow(ground)
    fill(server, ground)
    with build_postgrest_client(server.url, server.service_key) as client:
        codes = [row.code for row in SupabaseStateStore(client, TABLE).rows(None, 1_000)]
    assert len(codes) == MOST_ROWS
    assert codes != sorted(codes)


def test_what_is_planted_is_found_and_set_right_and_orphans_are_told(planted: Planted) -> None:
    rows = SOUND + WAITING + EACH * len(FindingKind)
    status, told = planted.run("status")
    assert (status, told[-1]) == (0, f"{rows:>10}  in all")

    assert planted.run("verify", *EVERYTHING, "--json", "found.json")[0] == 1
    assert planted.findings() == planted.wrong

    again = {code for code, kind in planted.wrong.items() if kind not in {*MARKED, FindingKind.SOURCE_GONE}}
    status, told = planted.run("repair", *EVERYTHING, "--ignore", "SOURCE_GONE", "--apply")
    tally = Counter({line[12:]: int(line[:10]) for line in told})
    expected = {"reset, to be extracted again": len(again), "queued": len(again)}
    assert (status, tally) == (0, expected | {"marked extracted": EACH * len(MARKED)})
    assert sorted(planted.queued()) == sorted(again)
    assert planted.untried() == again

    verified = planted.run("verify", *NOW, "--ignore", "SOURCE_GONE")
    assert verified == (
        0,
        [
            f"{rows} rows compared: no findings",
            "not checked: the content of the frames (use --deep)",
            "not checked: excluded kinds: SOURCE_GONE",
        ],
    )

    status, told = planted.run("orphans", *NOW)
    assert (status, told[-1]) == (1, "3 orphans")
    assert {line.split(":")[0] for line in told[:-1]} == ORPHANS
