"""Ten thousand videos: what is planted is found, each by its name, and nothing else; then it is set right."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import fingerprint
from extractor.reconcile.checks import ExpectedState
from extractor.reconcile.content_check import check_contents
from extractor.reconcile.findings import Finding, FindingKind
from extractor.reconcile.repair import RepairAction, RepairContext, repair
from extractor.reconcile.scan import ScanScope, scan_all
from extractor.reconcile.snapshot import Snapshot
from extractor.reconcile.trash import Trash, trash_prefix
from extractor.reconcile.verify import verify
from tests.reconcile.fixtures import Ground, Queue, plant
from tests.reconcile.memory import LONG_AGO

VIDEOS = 10_000
EACH = 7  # planted of every kind
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Planted:
    ground: Ground
    table: SqliteStateStore
    scope: ScanScope
    wrong: dict[str, FindingKind]

    @property
    def expected(self) -> ExpectedState:
        before = (NOW - timedelta(hours=1)).timestamp()
        return ExpectedState(fingerprint(self.ground.policy), OutputOptions(), before)

    def found(self) -> list[list[Finding]]:
        snapshot = Snapshot()
        scan_all(self.scope, snapshot, NOW)
        assert snapshot.complete
        contents = check_contents(self.scope, snapshot, 1)
        return list(verify(snapshot, self.expected, contents))

    def repair(self, videos: list[list[Finding]], queue: Queue) -> "Counter[str]":
        snapshot = Snapshot()
        scan_all(self.scope, snapshot, NOW)
        tally: Counter[str] = Counter()
        disposal = Trash(trash_prefix(NOW))
        repair(
            videos,
            RepairContext(self.scope, snapshot, self.table, queue, self.expected, disposal, NOW),
            tally,
        )
        return tally


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    ground = Ground(tmp_path_factory.mktemp("state") / "state.sqlite")
    chance = random.Random(7)
    troubles: list[FindingKind | None] = [kind for kind in FindingKind for _ in range(EACH)]
    troubles += [None] * (VIDEOS - len(troubles))
    chance.shuffle(troubles)
    wrong = {}
    for number, kind in enumerate(troubles):
        code = f"{chance.choice('CD')}{chance.getrandbits(40):010x}_-{number:05d}"
        platform = chance.choice(["instagram", "tiktok", "youtube", None])
        if kind is None:
            chance.choice(_SOUND)(ground, code, platform)
        else:
            plant(ground, kind, code, platform)
            wrong[code] = kind
    _add_foreign_objects(ground)
    table = ground.settle()
    return Planted(ground, table, ground.survey(table), wrong)


def _extracted(ground: Ground, code: str, platform: str | None) -> None:
    ground.sound(code, platform)


def _waiting(ground: Ground, code: str, platform: str | None) -> None:
    ground.video(code, platform)
    ground.row(code, extracted=False)


def _failed(ground: Ground, code: str, platform: str | None) -> None:
    ground.video(code, platform)
    ground.row(code, extracted=False, error="UNREADABLE: moov atom not found")


def _unfinished(ground: Ground, code: str, platform: str | None) -> None:
    """Frames of a run that died before its manifest."""
    ground.video(code, platform)
    ground.frame(code, platform, 0, ground.policy)
    ground.row(code, extracted=False)


def _to_be_done_again(ground: Ground, code: str, platform: str | None) -> None:
    """Reset after the video was overwritten; its old manifest is still there."""
    plant(ground, FindingKind.SOURCE_CHANGED, code, platform)
    ground.rows.pop()
    ground.row(code, extracted=False)


def _under_way(ground: Ground, code: str, platform: str | None) -> None:
    """The manifest is written, the flip is about to come."""
    ground.frames.now = NOW
    ground.sound(code, platform, marked=False)
    ground.frames.now = LONG_AGO


def _on_two_platforms(ground: Ground, code: str, platform: str | None) -> None:
    """One code, two videos: the row is right if one of them is."""
    ground.frames.delete([ground.sound(code, "vimeo").frames[0].key])
    ground.rows.pop()
    ground.sound(code, platform)


_SOUND: list[Callable[[Ground, str, str | None], None]] = [_extracted] * 10
_SOUND += [_waiting, _failed, _unfinished, _to_be_done_again, _under_way, _on_two_platforms]


def _add_foreign_objects(ground: Ground) -> None:
    for key in ("readme.txt", "instagram/list.csv", ".trash/20260101T000000Z/instagram/x/manifest.json"):
        ground.frames.add(key, b"not ours")
    ground.videos.add("notes/readme.txt", b"not a video")


def kinds(videos: list[list[Finding]]) -> dict[str, FindingKind]:
    assert all(len(findings) == 1 for findings in videos)
    return {findings[0].code: findings[0].kind for findings in videos}


def test_every_planted_trouble_is_found_by_its_name_and_nothing_else_then_set_right(planted: Planted) -> None:
    found = planted.found()
    assert kinds(found) == planted.wrong

    queue = Queue()
    tally = planted.repair(found, queue)
    again = {code for code, kind in planted.wrong.items() if kind not in _LEFT | _MARKED}
    assert {json.loads(body)["code"] for body in queue.bodies} == again
    assert tally == {
        RepairAction.REQUEUE: len(again),
        RepairAction.MARK_EXTRACTED: EACH * len(_MARKED),
        RepairAction.MANUAL: EACH * len(_LEFT),
        "queued": len(again),
    }

    left = kinds(planted.found())
    assert set(left.values()) <= _LEFT, "frames that cannot be made again are left as they are"
    assert len(left) == EACH * len(_LEFT)


_MARKED = {FindingKind.NOT_MARKED, FindingKind.WRONG_FRAME_COUNT}
_LEFT = {FindingKind.SOURCE_GONE}
