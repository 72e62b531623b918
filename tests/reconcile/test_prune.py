"""Only what no row speaks of is removed, and nothing at all if anything was seen in part."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from extractor.backends.state.base import InventoryRow
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.errors import StateUnavailableError, StorageUnavailableError
from extractor.reconcile.prune import Orphan, orphans, prune
from extractor.reconcile.scan import ScanScope, scan_all
from extractor.reconcile.snapshot import Snapshot
from extractor.reconcile.trash import Trash, trash_prefix
from tests.reconcile.fixtures import TABLE, Ground

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE = (NOW - timedelta(days=1)).timestamp()
TRASH = trash_prefix(NOW)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """Two videos that have a row, two that have none, and things that are nobody's."""
    ground = Ground(tmp_path / "state.sqlite")
    for code, platform in (("kept", "tiktok"), ("plain", None)):
        ground.sound(code, platform)
    for code, platform in (("orphan", "tiktok"), ("lonely", None)):
        ground.sound(code, platform)
        ground.rows.pop()
    ground.frames.add("tiktok/orphan/notes.txt", b"somebody's")
    ground.frames.add("index.html", b"somebody's")
    return ground


def surveyed(scope: ScanScope) -> Snapshot:
    snapshot = Snapshot()
    scan_all(scope, snapshot, NOW)
    return snapshot


def pruned(
    ground: Ground, scope: ScanScope, table: SqliteStateStore, found: Sequence[Orphan]
) -> "Counter[str]":
    tally: Counter[str] = Counter()
    prune(found, scope, table, BEFORE, Trash(TRASH), tally)
    return tally


def frames_of(code: str, prefix: str = "") -> set[str]:
    return {f"{prefix}{code}/{name}" for name in ("000000.jpg", "000001.jpg", "000002.jpg", "manifest.json")}


def test_what_has_no_row_is_found_by_the_objects_it_has(ground: Ground) -> None:
    scope = ground.survey()
    found = list(orphans(scope, surveyed(scope), BEFORE))
    assert [(one.code, one.what, one.place, one.object_count) for one in found] == [
        ("lonely", "frames", "lonely/", 4),
        ("orphan", "frames", "tiktok/orphan/", 4),
        ("lonely", "video", "lonely.mp4", 1),
        ("orphan", "video", "tiktok/orphan/video.mp4", 1),
    ]


def test_orphans_are_moved_and_nothing_else_is_touched(ground: Ground) -> None:
    table = ground.settle()
    scope = ground.survey(table)
    tally = pruned(ground, scope, table, list(orphans(scope, surveyed(scope), BEFORE)))
    assert tally == {"removed": 10}
    assert set(ground.frames.keys) == {
        *frames_of("kept", "tiktok/"),
        *frames_of("plain"),
        *frames_of("orphan", f"{TRASH}tiktok/"),
        *frames_of("lonely", TRASH),
        "tiktok/orphan/notes.txt",
        "index.html",
    }
    assert list(orphans(scope, surveyed(scope), BEFORE)) == []


def test_deleting_for_good_leaves_no_trash(ground: Ground) -> None:
    table = ground.settle()
    scope = ground.survey(table)
    tally: Counter[str] = Counter()
    prune(list(orphans(scope, surveyed(scope), BEFORE)), scope, table, BEFORE, Trash(None), tally)
    kept = {*frames_of("kept", "tiktok/"), *frames_of("plain"), "tiktok/orphan/notes.txt", "index.html"}
    assert set(ground.frames.keys) == kept


@pytest.mark.parametrize("breaks_at", ["", "lonely/000002.jpg", "tiktok/kept/000000.jpg", "tiktok/orphan/m"])
def test_a_listing_that_breaks_off_makes_no_orphans(ground: Ground, breaks_at: str) -> None:
    scope = ground.survey()
    ground.frames.breaks_at = breaks_at
    snapshot = Snapshot()
    with pytest.raises(StorageUnavailableError):
        scan_all(scope, snapshot, NOW)
    assert not snapshot.complete
    with pytest.raises(StorageUnavailableError):
        next(orphans(scope, snapshot, BEFORE))


class _BreaksOff(SqliteStateStore):
    """Gives one row, then is out of reach."""

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        if after is not None:
            raise StateUnavailableError("the connection was lost")
        return super().rows(after, 1)


class _EndsEarly(SqliteStateStore):
    """Says that there are no more rows when there are: a server with a fault, or a filter."""

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        return super().rows(after, 1) if after is None else ()


class _ShortPages(SqliteStateStore):
    """Gives one row at a time, however many are asked for."""

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        return super().rows(after, 1)


class _Empty(SqliteStateStore):
    """Row-level security hides every row, without an error."""

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        return ()


def test_a_table_that_breaks_off_makes_no_orphans(ground: Ground) -> None:
    ground.settle()
    scope = ground.survey(_BreaksOff(ground.path, TABLE))
    snapshot = Snapshot()
    with pytest.raises(StateUnavailableError):
        scan_all(scope, snapshot, NOW)
    with pytest.raises(StorageUnavailableError):
        next(orphans(scope, snapshot, BEFORE))


def test_a_table_that_shows_nothing_makes_no_orphans(ground: Ground) -> None:
    ground.settle()
    scope = ground.survey(_Empty(ground.path, TABLE))
    with pytest.raises(StateUnavailableError):
        next(orphans(scope, surveyed(scope), BEFORE))


@pytest.mark.failure_row(44)
def test_short_pages_are_not_the_end_of_the_table(ground: Ground) -> None:
    ground.settle()
    scope = ground.survey(_ShortPages(ground.path, TABLE))
    assert {one.code for one in orphans(scope, surveyed(scope), BEFORE)} == {"lonely", "orphan"}


def test_live_data_survives_a_table_that_was_read_in_part(ground: Ground) -> None:
    """What the listing of rows has hidden, the question for the very row brings to light."""
    ground.settle()
    table = _EndsEarly(ground.path, TABLE)
    scope = ground.survey(table)
    found = list(orphans(scope, surveyed(scope), BEFORE))
    assert "plain" in {one.code for one in found}
    tally = pruned(ground, scope, table, found)
    assert tally == {"removed": 10, "kept: there is a row after all": 5}
    assert frames_of("plain") <= set(ground.frames.keys)


def test_a_row_that_came_meanwhile_saves_its_video(ground: Ground) -> None:
    table = ground.settle()
    scope = ground.survey(table)
    found = list(orphans(scope, surveyed(scope), BEFORE))
    table.add("orphan", is_fetched=True)
    assert pruned(ground, scope, table, found)["kept: there is a row after all"] == 5
    assert frames_of("orphan", "tiktok/") <= set(ground.frames.keys)


def test_what_is_young_is_no_orphan(ground: Ground) -> None:
    ground.frames.now = ground.videos.now = NOW
    ground.sound("young")
    ground.rows.pop()
    scope = ground.survey()
    assert "young" not in {one.code for one in orphans(scope, surveyed(scope), BEFORE)}


def test_what_was_written_since_the_survey_is_left_alone(ground: Ground) -> None:
    table = ground.settle()
    scope = ground.survey(table)
    found = [one for one in orphans(scope, surveyed(scope), BEFORE) if one.what == "frames"]
    ground.frames.now = NOW
    ground.frames.add("tiktok/orphan/000003.jpg", b"a run is under way")
    assert pruned(ground, scope, table, found) == {"removed": 4, "kept: written meanwhile": 5}
    assert frames_of("orphan", "tiktok/") <= set(ground.frames.keys)


def test_nothing_is_deleted_before_everything_is_copied(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ground.settle()
    scope = ground.survey(table)
    found = list(orphans(scope, surveyed(scope), BEFORE))
    copy = ground.frames.copy

    def fail_at_last(key: str, to: str) -> None:
        if key.endswith("manifest.json"):
            raise StorageUnavailableError("503")
        copy(key, to)

    monkeypatch.setattr(ground.frames, "copy", fail_at_last)
    with pytest.raises(StorageUnavailableError):
        pruned(ground, scope, table, found)
    assert frames_of("orphan", "tiktok/") | frames_of("lonely") <= set(ground.frames.keys)
