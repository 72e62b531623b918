"""The page tells the numbers, and lets nothing through that comes from elsewhere."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from extractor.backends.state.base import InventoryRow
from extractor.reconcile.observations import FolderState
from extractor.reconcile.report.page import ReportPage, render
from extractor.reconcile.report.statistics import Bar, Chart, Group, gather, histogram, throughput
from extractor.reconcile.report.thumbnails import FilmStrip, film_strip
from tests.reconcile.fixtures import Ground
from tests.reconcile.memory import MemoryStore

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
EVIL = "<script>alert('x')</script>"


def folder(number: int, frames: int, seconds: float) -> FolderState:
    return FolderState(
        prefix=f"code{number}/",
        code=f"code{number}",
        platform=None,
        object_count=frames + 1,
        size_bytes=1000 * frames,
        newest=0.0,
        manifest="in place",
        frame_count=frames,
        video_seconds=float(frames),
        work_seconds=seconds,
    )


def page(rows: list[InventoryRow], folders: list[FolderState], strips: tuple[FilmStrip, ...] = ()) -> str:
    return render(ReportPage(gather(rows, folders, 3), {}, strips, {"frames": EVIL}, NOW, 2048))


def test_a_page_of_nothing_is_a_page() -> None:
    text = page([], [])
    assert "The table has no rows." in text
    assert "<svg" not in text


def test_whatever_comes_from_elsewhere_is_escaped() -> None:
    rows = [InventoryRow(EVIL, True, False, extract_error=f"{EVIL}: boom")]
    facts = folder(1, 3, 1.0)
    evil = FolderState(EVIL, EVIL, EVIL, 1, 1, 0.0, manifest="in place", frame_count=1, work_seconds=9.0)
    text = page(rows, [facts, evil], (FilmStrip(evil, ()),))
    assert text.count("<script") == 1
    assert text.count("&lt;script&gt;") >= 4


def test_each_failure_names_its_codes_and_the_command_that_replays_them() -> None:
    rows = [InventoryRow(f"code{n:03}", True, False, extract_error="TRUNCATED: it ends") for n in range(23)]
    rows += [InventoryRow("other", True, False, extract_error="A B: odd")]
    text = page(rows, [])
    assert "<code>code019</code> and 3 more" in text
    assert "code020" not in text
    assert "23 videos" in text
    assert "python -m extractor.reconcile replay --reason TRUNCATED --apply" in text
    assert "--reason &#39;A B&#39; --apply" in text
    assert text.index("TRUNCATED") < text.index("Outcomes")


def test_each_difference_names_its_codes_and_the_command_that_repairs_them() -> None:
    found = {"NO_MANIFEST": Group(1, ["abc"])}
    text = render(ReportPage(gather([], [], 0), found, (), {}, NOW, 2048))
    assert "python -m extractor.reconcile repair --only NO_MANIFEST --apply" in text
    assert "<code>abc</code></p>" in text
    assert "1 video<" in text


@pytest.mark.parametrize(
    ("counts", "marks"),
    [
        ([1], [1, 0]),
        ([3], [4, 2, 0]),
        ([7, 2], [8, 4, 0]),
        ([10], [10, 5, 0]),
        ([1001], [1200, 600, 0]),
        ([21], [24, 12, 0]),
    ],
)
def test_a_chart_has_an_axis_that_no_bar_passes(counts: list[int], marks: list[int]) -> None:
    chart = Chart([Bar(str(n), count, 1) for n, count in enumerate(counts)], "hour (UTC)", "videos")
    assert chart.marks == marks


def test_a_chart_of_one_hour_has_its_label_its_axes_and_their_units() -> None:
    rows = [InventoryRow(f"code{n}", True, True, extracted_at=NOW) for n in range(3)]
    text = page(rows, [])
    assert "Videos extracted per hour" in text
    assert '<span style="grid-column: 1">01 Jun 12:00</span>' in text
    assert "Vertical: videos. Horizontal: hour (UTC)." in text
    assert 'style="height: 75.00%" title="01 Jun 12:00: 3"' in text


def test_the_slowest_come_first_and_the_sample_is_the_same_every_time() -> None:
    folders = [folder(number, 3, number % 17) for number in range(100)]
    found, again = gather([], folders, 5), gather([], reversed(folders), 5)
    assert [one.work_seconds for one in found.slowest] == [16.0] * 5 + [15.0] * 5
    assert found.sample == again.sample
    assert len(found.sample) == 5


def test_a_histogram_counts_every_video_once() -> None:
    values = {1: 4, 2: 1, 30: 2, 100: 1}
    bars = histogram(values)
    assert sum(bar.count for bar in bars) == 8
    assert (bars[0].label, bars[-1].label, len(bars)) == ("1–5", "96–100", 20)
    assert histogram({7: 3}) == [Bar("7", 3, 1.0)]


def test_throughput_is_told_by_the_hour_as_long_as_it_fits() -> None:
    hour = NOW.replace(minute=0)
    unit, bars = throughput({hour: 3, hour - timedelta(hours=2): 6})
    assert (unit, [bar.count for bar in bars]) == ("hour", [6, 0, 3])
    unit, bars = throughput({hour: 3, hour - timedelta(hours=1): 1, hour - timedelta(days=9): 2})
    assert (unit, [bar.count for bar in bars]) == ("day", [2, *[0] * 8, 4])
    assert len(throughput({hour: 1, hour - timedelta(days=4_000): 1})[1]) == 90


def test_costs_grow_with_the_work() -> None:
    cheap, dear = (gather([], [folder(1, 30, seconds)], 0).cost_usd(2048) for seconds in (1.0, 10.0))
    assert 0 < cheap < dear < 0.01
    assert gather([], [], 0).cost_usd(2048) == 0


@pytest.mark.parametrize("data", [b"no image", b""])
def test_a_frame_that_is_no_image_is_left_out(tmp_path: Path, data: bytes) -> None:
    ground = Ground(tmp_path / "state.sqlite")
    manifest = ground.sound("abc")
    store: MemoryStore = ground.frames
    for frame in manifest.frames:
        store.add(frame.key, data)
    assert film_strip(store, FolderState("abc/", "abc", None, 4, 0, 0.0)).thumbnails == ()
