"""What the pages refer to: other pages, headings, files and modules of the repository."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.docs import DOCS, ROOT

_LINK = re.compile(r"\]\((?!\w+:)([^)\s]*)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_FOLDERS = "extractor|tests|scripts|infra|benchmarks|local"
_PATH = re.compile(rf"(?<![\w/.-])(?:{_FOLDERS})/[\w/.-]*\w\.(?:py|sh|yaml|sql|md)\b")
_MODULE = re.compile(rf"python -m ((?:{_FOLDERS})(?:\.\w+)*)")


def tracked(pattern: str) -> list[Path]:
    """The files of the repository that match the pattern of ``git ls-files``."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", pattern],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def broken_links(page: Path) -> Iterator[str]:
    """Relative links to a file or a heading that does not exist."""
    for link in _LINK.findall(_CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield link
        elif page.is_relative_to(DOCS) and not target.is_relative_to(DOCS):
            yield f"{link} (not part of the site)"


def missing_files(page: Path) -> Iterator[str]:
    """Names of files and modules of the repository that do not exist."""
    text = page.read_text(encoding="utf-8")
    yield from (path for path in _PATH.findall(text) if not (ROOT / path).exists())
    for module in _MODULE.findall(text):
        path = ROOT / module.replace(".", "/")
        if not (path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()):
            yield module


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
