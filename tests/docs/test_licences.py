"""docs/reference/licences.md lists what the image holds. `scripts/licences.sh` writes it."""

import re

from local.embedded.child_process import ROOT

PAGE = (ROOT / "docs" / "reference" / "licences.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([\w.-]+) \| (.+) \| (https?://\S+|UNKNOWN) \|$", re.MULTILINE)


def normalised(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_locked_package_is_listed_with_its_licence_and_no_other() -> None:
    requirements = (ROOT / "requirements-worker.txt").read_text(encoding="utf-8")
    locked = {normalised(name) for name in re.findall(r"^([\w.-]+)==", requirements, re.MULTILINE)}
    listed = {normalised(name): licence for name, licence, _ in ROW.findall(PAGE)}
    assert set(listed) == locked, "run ./scripts/licences.sh"
    assert [name for name, licence in listed.items() if licence == "UNKNOWN"] == []


def test_the_page_says_that_ffmpeg_is_a_gpl_build() -> None:
    assert "GNU General Public License" in PAGE
    assert " libx264 " in PAGE
