"""Pages refer only to what exists."""

import re
from pathlib import Path

import pytest

from tests.docs import DOCS, ROOT
from tests.docs.links import broken_links, missing_files, tracked

PAGES = tracked("*.md")
SITE = [page for page in PAGES if page.is_relative_to(DOCS)]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", SITE, ids=_name)
def test_every_file_and_module_that_a_page_names_exists(page: Path) -> None:
    assert list(missing_files(page)) == []


def test_every_page_that_the_code_names_exists() -> None:
    named = {
        (page, _name(path))
        for pattern in ("*.py", "*.sh", "*.yaml", ".env.example", "*.toml", "*.yml")
        for path in tracked(pattern)
        for page in re.findall(r"(?<![\w/.-])docs/[\w/.-]+\.md\b", path.read_text(encoding="utf-8"))
    }
    assert named
    assert {(page, path) for page, path in named if not (ROOT / page).is_file()} == set()


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    listed = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in SITE)
