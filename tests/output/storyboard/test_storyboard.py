"""The storyboard of frames that pass by: small, complete, and each picture where the track says."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Extra
from extractor.domain.policy import ImageFormat
from extractor.output.frame_store import FrameStore
from extractor.output.storyboard.storyboard import Storyboard
from extractor.output.storyboard.thumbnails import LIMIT, MAX_SIDE, Thumbnails
from tests.output.storyboard.pictures import colour, frames, read

_TARGET = re.compile(r"^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$", re.MULTILINE)


def _board(
    folder: Path, count: int, width: int = 640, height: int = 360, image_format: ImageFormat = "jpg"
) -> tuple[Extra, ...]:
    board = Storyboard(
        FrameStore(FolderObjectStore(folder), FrameKeys("abc/", "{index:06d}.jpg"), "jpg"), 0.0, count + 0.5
    )
    passed = list(board.watch(frames(count, width, height, image_format)))
    assert [frame.index for frame in passed] == list(range(count))
    return board.store()


def _colours(folder: Path) -> list[list[float]]:
    """The middle of the right half of each tile, in order of the track."""
    found = []
    for name, *region in _TARGET.findall((folder / "abc/storyboard.vtt").read_text()):
        x, y, width, height = map(int, region)
        picture = read(folder / "abc" / name)[y : y + height, x : x + width]
        assert picture.shape[:2] == (height, width)
        middle = picture[height // 4 : height * 3 // 4, width * 5 // 8 : width * 7 // 8]
        found.append(middle.mean(axis=(0, 1)).tolist())
    return found


@pytest.mark.parametrize("image_format", ["jpg", "webp", "png"])
@pytest.mark.parametrize("size", [(640, 360), (1080, 1920), (64, 48)])
def test_each_tile_shows_its_frame(tmp_path: Path, size: tuple[int, int], image_format: ImageFormat) -> None:
    _board(tmp_path, 12, *size, image_format)
    colours = _colours(tmp_path)
    assert len(colours) == 12
    for index, shown in enumerate(colours):
        assert np.allclose(shown, colour(index), atol=14), index


def test_a_picture_of_any_shape_has_a_tile(tmp_path: Path) -> None:
    _board(tmp_path, 2, 8, 2000)
    assert "#xywh=1,0,1,192" in (tmp_path / "abc/storyboard.vtt").read_text()


def test_a_track_goes_over_several_sprites(tmp_path: Path) -> None:
    extras = _board(tmp_path, 230)
    assert [(extra.kind, extra.key) for extra in extras] == [
        ("contact_sheet", "abc/contact-sheet.jpg"),
        ("sprite", "abc/sprite-a.jpg"),
        ("sprite", "abc/sprite-b.jpg"),
        ("sprite", "abc/sprite-c.jpg"),
        ("thumbnails", "abc/storyboard.vtt"),
    ]
    for index, shown in enumerate(_colours(tmp_path)):
        assert np.allclose(shown, colour(index), atol=14), index


def test_what_is_listed_is_what_is_there(tmp_path: Path) -> None:
    for extra in _board(tmp_path, 3):
        assert (tmp_path / extra.key).stat().st_size == extra.size_bytes


def test_one_frame_is_enough(tmp_path: Path) -> None:
    _board(tmp_path, 1)
    track = (tmp_path / "abc/storyboard.vtt").read_text()
    assert "00:00:00.000 --> 00:00:01.500\n" in track
    assert read(tmp_path / "abc/sprite-a.jpg").shape == (108, MAX_SIDE, 3)


@pytest.mark.parametrize("count", [LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT])
def test_many_frames_are_thinned_out_evenly(count: int) -> None:
    thumbnails = Thumbnails()
    for frame in frames(count, 16, 16, "png"):
        thumbnails.add(frame)
    times = [thumbnail.pts_seconds for thumbnail in thumbnails.kept]
    assert LIMIT / 2 < len(times) <= LIMIT
    assert times[0] == 0
    assert len({later - earlier for earlier, later in pairwise(times)}) == 1


def test_no_name_can_be_that_of_a_frame(tmp_path: Path) -> None:
    assert not [extra.key for extra in _board(tmp_path, 101) if re.search(r"\d", extra.key)]


def test_the_same_frames_always_give_the_same_storyboard(tmp_path: Path) -> None:
    boards = (_board(tmp_path / "one", 30), _board(tmp_path / "two", 30))
    one, two = ([(extra.kind, extra.key, extra.sha256) for extra in board] for board in boards)
    assert one == two
