"""Frames are stored while the next are decoded: in bounded number, all of them, or none count."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor.backends.storage.base import ObjectStore
from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import Frame
from extractor.domain.layout import FrameKeys
from extractor.errors import StorageUnavailableError
from extractor.output.frame_store import FrameStore
from extractor.output.writers import write_files


def _frames(count: int, made: list[int] | None = None) -> Iterator[Frame]:
    for index in range(count):
        if made is not None:
            made.append(index)
        yield Frame(index, index, float(index), f"image {index}".encode(), 320, 240)


def _frame_store(store: ObjectStore, prefix: str = "") -> FrameStore:
    return FrameStore(store, FrameKeys(prefix, "{index:06d}.jpg"), "jpg")


class _SlowStore(FolderObjectStore):
    """Finishes an upload only when decoding has run ahead of the uploads by `AHEAD` frames, or is over."""

    AHEAD = 5
    turn = threading.Condition()
    made = stored = furthest = 0

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        slow = _SlowStore
        with slow.turn:
            assert slow.turn.wait_for(lambda: slow.made >= min(slow.stored + slow.AHEAD, 40), timeout=20)
            slow.stored += 1
        return ""

    @classmethod
    def frames(cls) -> Iterator[Frame]:
        for frame in _frames(40):
            with cls.turn:
                cls.made += 1
                cls.furthest = max(cls.furthest, cls.made - cls.stored)
                cls.turn.notify_all()
            yield frame


class _FailingStore(FolderObjectStore):
    """Refuses one key."""

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        if key.endswith("000003.jpg"):
            raise StorageUnavailableError("refused")
        return FolderObjectStore.put(
            self, key, data, content_type=content_type, sha256=sha256, replaces=replaces
        )


def test_all_frames_are_stored_and_listed_in_order(tmp_path: Path) -> None:
    stored = write_files(_frames(50), _frame_store(FolderObjectStore(tmp_path), "abc/"), workers=4).frames
    assert [frame.index for frame in stored] == list(range(50))
    assert [(tmp_path / frame.key).read_text() for frame in stored] == [f"image {n}" for n in range(50)]
    assert all((tmp_path / frame.key).stat().st_size == frame.size_bytes for frame in stored)


def test_decoding_waits_when_the_store_does(tmp_path: Path) -> None:
    write_files(_SlowStore.frames(), _frame_store(_SlowStore(tmp_path)), workers=2)
    assert _SlowStore.stored == 40
    assert _SlowStore.furthest == 2 * 2 + 1


@pytest.mark.failure_row(33)
def test_one_upload_that_fails_stops_the_decode_and_fails_the_whole(tmp_path: Path) -> None:
    made: list[int] = []
    with pytest.raises(StorageUnavailableError):
        write_files(_frames(10_000, made), _frame_store(_FailingStore(tmp_path)), workers=2)
    assert len(made) < 10_000


def test_a_decode_that_fails_fails_the_whole(tmp_path: Path) -> None:
    def broken() -> Iterator[Frame]:
        yield from _frames(3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_files(broken(), _frame_store(FolderObjectStore(tmp_path)), workers=2)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("upload")]


def test_a_frame_that_is_stored_again_replaces_the_first_one(tmp_path: Path) -> None:
    frame_store = _frame_store(FolderObjectStore(tmp_path))
    first, second = (Frame(0, 0, 0.0, data, 320, 240) for data in (b"of a plan", b"of all packets"))
    assert frame_store.put(first).etag != frame_store.put(second).etag
    assert (tmp_path / "000000.jpg").read_bytes() == b"of all packets"
    assert [frame.size_bytes for frame in frame_store.stored] == [len(b"of a plan"), len(b"of all packets")]
