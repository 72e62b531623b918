"""A folder with the video of the documented examples."""

from pathlib import Path

import pytest

from tests.support.media import clips


@pytest.fixture
def holiday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``holiday.mp4`` in the current folder: 5 s, 25 frames a second, keyframes every 2 s."""
    monkeypatch.chdir(tmp_path)
    return clips.plain(tmp_path / "holiday.mp4", 5)
