"""What changed between survey and repair, buckets that are one, and tables whose pages lead nowhere."""

import csv
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from extractor.backends.state.base import BacklogFilter, InventoryRow
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.backends.storage.s3 import S3ObjectStore, build_s3_client
from extractor.cli.waiting_notice import tell_of_retries
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import fingerprint
from extractor.enqueue.enqueuer import count_pending_messages, enqueue
from extractor.enqueue.monitor import failures_by_reason
from extractor.enqueue.request import EnqueueRequest
from extractor.errors import StateUnavailableError
from extractor.reconcile.checks import ExpectedState
from extractor.reconcile.findings import FindingKind
from extractor.reconcile.outcomes import all_rows
from extractor.reconcile.prune import orphans
from extractor.reconcile.record_files import reports
from extractor.reconcile.repair import RepairAction, RepairContext, repair
from extractor.reconcile.scan import scan_all
from extractor.reconcile.snapshot import Snapshot
from extractor.reconcile.trash import Trash, trash_prefix
from extractor.reconcile.verify import verify
from tests.reconcile.fixtures import VIDEOS, Ground, Queue, plant
from tests.support.servers.aws import aws_variables
from tests.support.servers.http import Answer, Request, serving

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "flag"),
    [(FindingKind.NO_MANIFEST, 0), (FindingKind.FRAMES_MISSING, 0), (FindingKind.NOT_MARKED, 1)],
)
def test_a_row_that_changed_since_the_survey_is_left_alone(
    tmp_path: Path, kind: FindingKind, flag: int
) -> None:
    ground = Ground(tmp_path / "state.sqlite")
    plant(ground, kind, "abc", None)
    table, snapshot, queue = ground.settle(), Snapshot(), Queue()
    scope = ground.survey(table)
    scan_all(scope, snapshot, NOW)
    expected = ExpectedState(fingerprint(ground.policy), OutputOptions(), NOW.timestamp())
    found = list(verify(snapshot, expected))
    assert [finding.kind for findings in found for finding in findings] == [kind]
    with closing(sqlite3.connect(ground.path)) as connection, connection:
        connection.execute("UPDATE watched_content SET is_extracted = ?, frame_count = 77", (flag,))
    tally: Counter[str] = Counter()
    shop = RepairContext(scope, snapshot, table, queue, expected, Trash(trash_prefix(NOW)), NOW)
    repair(found, shop, tally)
    assert tally[RepairAction.RESOLVED] == 1
    assert queue.bodies == []
    (row,) = table.rows(None, 10)
    assert (row.is_extracted, row.frame_count) == (bool(flag), 77)


def test_videos_and_frames_may_lie_in_one_bucket(tmp_path: Path) -> None:
    ground = Ground(tmp_path / "state.sqlite")
    ground.frames = ground.videos
    for number in range(4):
        ground.sound(f"code{number}", "tiktok")
    ground.frames.add(".trash/20260101T000000Z/tiktok/gone/000000.jpg", b"x")
    scope = replace(ground.survey(), store={VIDEOS: ground.videos}.__getitem__, frames_bucket=VIDEOS)
    snapshot = Snapshot()
    scan_all(scope, snapshot, NOW)
    assert (snapshot.count("video"), snapshot.count("folder")) == (4, 4)
    assert not list(
        verify(snapshot, ExpectedState(fingerprint(ground.policy), OutputOptions(), NOW.timestamp()))
    )
    assert not list(orphans(scope, snapshot, NOW.timestamp()))


class _Circle(SqliteStateStore):
    """Its last page leads back to the first, as where codes are NULL."""

    def pending(self, after: str | None, limit: int, pick: BacklogFilter) -> Sequence[str]:
        return super().pending(after, limit, pick) or super().pending(None, limit, pick)

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        return super().rows(after, min(limit, 2)) or super().rows(None, min(limit, 2))

    def failed_rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        return self.rows(after, limit)


@pytest.fixture
def circle(tmp_path: Path) -> _Circle:
    table = _Circle(tmp_path / "state.sqlite", "watched_content")
    for number in range(6):
        table.add(f"code{number}", is_fetched=True)
    return table


@pytest.mark.operations_row(4)
def test_pages_that_lead_nowhere_end_every_reader(circle: _Circle, tmp_path: Path) -> None:
    queue, order = Queue(), EnqueueRequest(page_size=2)
    with pytest.raises(StateUnavailableError, match="does not lead on"):
        list(enqueue(circle, queue, order, lambda _: None))
    assert len(queue.bodies) <= 6
    for read in (
        lambda: list(count_pending_messages(circle, order)),
        lambda: list(all_rows(circle)),
        lambda: failures_by_reason(circle),
        lambda: scan_all(Ground(tmp_path / "x.sqlite").survey(circle), Snapshot(), NOW),
    ):
        with pytest.raises(StateUnavailableError, match="does not lead on"):
            read()


@pytest.mark.operations_row(23)
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_no_cell_of_a_report_is_a_formula(tmp_path: Path, text: str) -> None:
    with reports(tmp_path / "found.csv", None) as record:
        record({"code": text, "count": -3})
    with (tmp_path / "found.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {"code": f"'{text}", "count": "-3"}


def test_a_report_that_is_cut_off_is_still_json(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), reports(None, tmp_path / "found.json") as record:
        record({"code": "abc"})
        raise ZeroDivisionError
    assert (tmp_path / "found.json").read_text() == '[\n{"code": "abc"}\n]\n'


@pytest.mark.operations_row(20)
def test_the_first_request_that_is_sent_again_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    """A bucket behind a server that refuses for a while, through the client that the commands use."""
    answers = iter([500, 503])

    def busy(_: Request) -> Answer:
        return Answer(next(answers, 200), b"x", {"ETag": '"1"'})

    told: list[str] = []
    tell_of_retries(told.append)
    with serving(busy) as endpoint, pytest.MonkeyPatch.context() as patch:
        for name, value in aws_variables(endpoint).items():
            patch.setenv(name, value)
        client = build_s3_client(1)
        assert S3ObjectStore(client, "bucket").read("key") is not None
        client.close()
    assert told == ["S3 or SQS does not answer as it should; trying again"]
    assert capsys.readouterr().err == ""
