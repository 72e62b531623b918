"""However a bucket is cut, every video is seen, whole and once; what was cut off goes on where it stopped."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.backends.state.base import InventoryRow
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.key_parser import TRASH, FrameFolder, KeyParser
from extractor.domain.layout import LAYOUTS, parse_layout
from extractor.errors import SettingsError, StateUnavailableError, StorageUnavailableError
from extractor.reconcile.key_ranges import KeyRange, cut, folders
from extractor.reconcile.scan import ScanScope, scan_all
from extractor.reconcile.snapshot import Snapshot
from tests.reconcile.fixtures import FRAMES, TABLE, Ground
from tests.reconcile.memory import MemoryStore

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ID = "0123456789abcdef" * 4

names = st.text(alphabet="aZ-_5", min_size=1, max_size=3)


@st.composite
def buckets(draw: st.DrawFn) -> list[str]:
    """Keys of frames and manifests, folders within folders, and things that are nobody's."""
    prefixes = draw(st.lists(st.one_of(names, st.tuples(names, names).map("/".join)), max_size=12))
    ends = ["000000.jpg", "000001.jpg", "manifest.json", "notes.txt", "deep/er/manifest.json"]
    found = {f"{prefix}/{draw(st.sampled_from(ends))}" for prefix in prefixes for _ in range(3)}
    return sorted(found)


@settings(max_examples=200, deadline=None)
@given(buckets(), st.lists(st.one_of(names, st.tuples(names, names).map("/".join)), max_size=4))
def test_a_video_is_seen_whole_and_once_however_the_bucket_is_cut(keys: list[str], cuts: list[str]) -> None:
    store, places = MemoryStore(), KeyParser(parse_layout("default"))
    for key in keys:
        store.add(key, b"")
    whole = {folder.place.prefix: set(folder.objects) for folder in folders(store.list(""), places)}
    assert {key for found in whole.values() for key in found} == {key for key in keys if places.find(key)}

    bounds = ["", *sorted(set(cuts))]
    key_ranges = [KeyRange(after, until) for after, until in zip(bounds, [*bounds[1:], None], strict=True)]
    seen: dict[str, set[str]] = {}
    for shard in key_ranges:
        for folder in folders(shard.entries(store), places):
            prefix = folder.place.prefix
            assert prefix not in seen or shard.cuts_through(prefix), "or it is judged in parts"
            seen.setdefault(prefix, set()).update(folder.objects)
    assert seen == whole


@pytest.mark.parametrize(
    ("layout", "key", "place"),
    [
        ("default", "tiktok/abc/000001.jpg", FrameFolder("tiktok/abc/", "abc", "tiktok")),
        ("default", "abc/000001.webp", FrameFolder("abc/", "abc")),
        ("default", "abc/manifest.json", FrameFolder("abc/", "abc")),
        (
            "seconds",
            "tiktok/abc/frames/0.5sec/7.jpg",
            FrameFolder("tiktok/abc/frames/0.5sec/", "abc", "tiktok"),
        ),
        ("flat", "abc/frames/7.png", FrameFolder("abc/frames/", "abc")),
        ("timestamped", "tiktok/abc/12_3.25.jpg", FrameFolder("tiktok/abc/", "abc", "tiktok")),
        ("videosense", f"frames/{ID}/frame_000001.webp", FrameFolder(f"frames/{ID}/")),
        ("default", "some/where/else/manifest.json", FrameFolder("some/where/else/")),
        ("default", "tiktok/abc/frames.tar", FrameFolder("tiktok/abc/", "abc", "tiktok")),
        ("flat", "abc/frames/sprite-a.jpg", FrameFolder("abc/frames/", "abc")),
        ("flat", "abc/interim.json", None),
        ("default", "tiktok/abc/video.mp4", None),
        ("default", "tiktok/abc/notes.jpg", None),
        ("default", "manifest.json", None),
        ("default", f"{TRASH}20260101T000000Z/tiktok/abc/manifest.json", None),
    ],
)
def test_a_key_is_read_as_the_layout_writes_it(layout: str, key: str, place: FrameFolder | None) -> None:
    assert KeyParser(parse_layout(layout)).find(key) == place


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("platform", ["tiktok", None])
def test_what_a_layout_writes_is_found_again(layout: str, platform: str | None) -> None:
    parsed = parse_layout(layout)
    frame_keys = parsed.frame_keys(
        code="D-x_1.y", platform=platform, video_id=ID, interval_seconds=0.25, extension="jpg"
    )
    for key in (frame_keys.manifest_key, frame_keys.frame_key(3, 4, 12.5)):
        place = KeyParser(parsed).find(key)
        assert place is not None
        assert place.prefix == frame_keys.prefix


def test_a_large_bucket_is_cut_and_a_small_one_is_not() -> None:
    store, places = MemoryStore(), KeyParser(parse_layout("default"))
    for number in range(4_999):
        store.add(f"tiktok/{number:04d}/manifest.json", b"")
    assert cut(store, ["2500"], places) == [KeyRange("", None)]
    for number in range(5):
        store.add(f"youtube/{number}/000000.jpg", b"")
    bounds = ["", "2500", "tiktok/", "tiktok/2500", "youtube/", "youtube/2500", None]
    assert cut(store, ["2500"], places) == [
        KeyRange(str(after), until) for after, until in itertools.pairwise(bounds)
    ]


class _Flaky(SqliteStateStore):
    """Gives two pages, then breaks off, once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, TABLE)
        self.asked: list[str | None] = []

    def rows(self, after: str | None, limit: int) -> Sequence[InventoryRow]:
        self.asked.append(after)
        if len(self.asked) == 3:
            raise StateUnavailableError("the connection was lost")
        return super().rows(after, 2)


def facts(snapshot: Snapshot) -> tuple[list[str], list[str]]:
    return [row.code for row in snapshot.rows()], [folder.prefix for folder in snapshot.folders()]


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    ground = Ground(tmp_path / "state.sqlite")
    for number in range(9):
        ground.sound(f"code{number}", "tiktok")
    return ground


def test_rows_are_not_read_again_after_a_break(ground: Ground, tmp_path: Path) -> None:
    ground.settle()
    table = _Flaky(ground.path)
    path = tmp_path / "checkpoint"
    first = Snapshot(path)
    with pytest.raises(StateUnavailableError):
        scan_all(ground.survey(table), first, NOW)
    first.close(keep=True)
    second = Snapshot(path)
    scan_all(ground.survey(table), second, datetime(2027, 1, 1, tzinfo=UTC))
    assert table.asked[:4] == [None, "code1", "code3", "code3"]
    assert second.complete
    assert second.begun == NOW, "what was read first counts"
    assert len(facts(second)[0]) == len(facts(second)[1]) == 9
    second.close(keep=False)
    assert not path.exists()


def test_shards_are_not_listed_again_after_a_break(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extractor.reconcile.key_ranges._SMALL", 1)
    monkeypatch.setattr("extractor.reconcile.scan._ROWS_FOR_CUT", 1)
    table = ground.settle()
    path = tmp_path / "checkpoint"
    first = Snapshot(path)
    ground.frames.breaks_at = "tiktok/code7/000002.jpg"
    with pytest.raises(StorageUnavailableError):
        scan_all(ground.survey(table, workers=1), first, NOW)
    total, left = first.key_ranges("frames")
    assert 0 < len(left) < total
    assert not first.complete
    first.close(keep=True)

    ground.frames.breaks_at = None
    listings = ground.frames.listings
    second = Snapshot(path)
    scan_all(ground.survey(table, workers=1), second, NOW)
    assert ground.frames.listings - listings == len(left)
    assert facts(second)[1] == [f"tiktok/code{number}/" for number in range(9)]


def test_a_checkpoint_of_another_survey_is_refused(ground: Ground, tmp_path: Path) -> None:
    scope = ground.survey()
    snapshot = Snapshot(tmp_path / "checkpoint")
    scan_all(scope, snapshot, NOW)
    other = ScanScope(
        scope.inventory, scope.store, FRAMES, FRAMES, scope.layout, scope.video_keys, scope.workers
    )
    with pytest.raises(SettingsError):
        scan_all(other, snapshot, NOW)


def test_a_checkpoint_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(b"something else, and long enough to be looked at" * 10)
    with pytest.raises(SettingsError):
        Snapshot(path)
