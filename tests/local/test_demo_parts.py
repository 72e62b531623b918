"""The demo takes a person's files under safe names, and touches no folder but its own."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.keys import CODE_PATTERN
from local.demo.videos import given_videos, unique_codes
from local.demo.workspace import open_workspace
from local.errors import VideoFileError, WorkspaceError


@given(st.lists(st.text(max_size=12) | st.sampled_from(["a", "A", "a-2", "..", "é", "-x"]), max_size=8))
def test_every_name_gets_a_valid_code_of_its_own(names: list[str]) -> None:
    codes = unique_codes(names)
    assert len({code.lower() for code in codes}) == len(names)
    assert all(re.fullmatch(CODE_PATTERN, code) for code in codes)


def test_a_good_name_is_kept() -> None:
    assert unique_codes(["DI5RZbSTV-t", "my clip", "my clip"]) == ["DI5RZbSTV-t", "my-clip", "my-clip-2"]


def test_missing_files_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "there.mp4").touch()
    with pytest.raises(VideoFileError, match=r"one\.mp4.*two\.mp4"):
        given_videos([tmp_path / "one.mp4", tmp_path / "there.mp4", tmp_path / "two.mp4"])


def test_a_folder_with_files_of_others_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    with pytest.raises(WorkspaceError), open_workspace(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_a_second_run_replaces_what_the_first_made_and_nothing_else(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "out") as workspace:
        (workspace.frames / "old.jpg").touch()
        workspace.page.touch()
        (workspace.root / "notes.txt").touch()
    with open_workspace(tmp_path / "out") as workspace:
        assert not list(workspace.frames.iterdir())
        assert not workspace.page.exists()
        assert (workspace.root / "notes.txt").exists()


def test_two_demos_cannot_share_a_folder(tmp_path: Path) -> None:
    with open_workspace(tmp_path), pytest.raises(WorkspaceError), open_workspace(tmp_path):
        pass


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(WorkspaceError), open_workspace(tmp_path / "out"):
        pass
