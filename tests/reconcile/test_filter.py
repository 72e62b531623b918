"""The filter of the report in a browser."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extractor.backends.state.base import InventoryRow
from extractor.reconcile.observations import FolderState
from extractor.reconcile.report.page import ReportPage, render
from extractor.reconcile.report.statistics import gather
from tests.output.storyboard.test_browser import _PATIENCE_SECONDS, _opened

_TYPE = """<script>
const typed = document.querySelector("#filter");
typed.value = "{text}";
typed.dispatchEvent(new Event("input"));
</script>"""


def _page() -> str:
    rows = [
        InventoryRow("bad", True, False, extract_error="TRUNCATED: it ends"),
        InventoryRow("worse", True, False, extract_error="UNREADABLE: it is noise"),
    ]
    folders = [
        FolderState("good/", "good", None, 4, 3_000, 0.0, manifest="in place", frame_count=3, work_seconds=1)
    ]
    return render(ReportPage(gather(rows, folders, 0), {}, (), {}, datetime(2026, 6, 1, tzinfo=UTC), 2048))


def _shown(text: str, tmp_path: Path) -> tuple[list[str], list[str], str]:
    """The titles of the sections and the entries that are shown when this is typed, and what is told."""
    without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", _page())
    (tmp_path / "page.html").write_text(without_policy + _TYPE.format(text=text))
    page = (tmp_path / "page.html").as_uri()
    with _opened(page, tmp_path / "profile", "--dump-dom") as process:
        html, _ = process.communicate(timeout=_PATIENCE_SECONDS)
    sections = re.findall(r'<section class="[^"]*"( hidden="")?><h2>(.*?)</h2>', html)
    entries = re.findall(r'<(?:li|tr|article) data-text="([^"]*)"( hidden="")?>', html)
    (told,) = re.findall(r'<span id="shown"[^>]*>(.*?)</span>', html)
    return (
        [title for hidden, title in sections if not hidden],
        [name.strip() for name, hidden in entries if not hidden],
        told,
    )


def test_without_words_everything_is_shown(tmp_path: Path) -> None:
    sections, entries, told = _shown(" ", tmp_path)
    assert sections[:3] == ["Why videos failed", "Inconsistencies", "Outcomes"]
    assert (entries, told) == (["TRUNCATED bad", "UNREADABLE worse", "good"], "")


@pytest.mark.parametrize(
    ("text", "sections", "entries", "told"),
    [
        ("truncated", ["Why videos failed"], ["TRUNCATED bad"], "1 of 3 entries"),
        ("WORSE unread", ["Why videos failed"], ["UNREADABLE worse"], "1 of 3 entries"),
        ("good", ["Slowest videos"], ["good"], "1 of 3 entries"),
        ("nothing of the kind", [], [], "0 of 3 entries"),
    ],
)
def test_only_entries_with_all_words_are_shown_and_no_section_without_one(
    text: str, sections: list[str], entries: list[str], told: str, tmp_path: Path
) -> None:
    assert _shown(text, tmp_path) == (sections, entries, told)
