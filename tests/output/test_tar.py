"""The tar is one that every reader takes, the same for the same frames, and never large in memory."""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import Frame, FrameMetrics
from extractor.domain.layout import parse_layout
from extractor.domain.manifest import Archive
from extractor.output import tar as tar_form
from extractor.output.frame_store import FrameStore
from extractor.output.tar import TAR_NAME, write_tar

# How WebDataset tells the key of a sample from what a member is: webdataset.tariterators.base_plus_ext.
_SAMPLE = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")


def _frames(count: int, size_bytes: int = 1000, measures: FrameMetrics | None = None) -> Iterator[Frame]:
    for index in range(count):
        data = index.to_bytes(4, "big") * (size_bytes // 4)
        yield Frame(index, index, index / 3, data + b"odd"[: index % 4], 320, 240, measures)


def _frame_store(root: Path, layout: str = "default") -> FrameStore:
    frame_keys = parse_layout(layout).frame_keys(
        code="abc", platform=None, video_id=None, interval_seconds=1, extension="jpg"
    )
    return FrameStore(FolderObjectStore(root), frame_keys, "jpg")


def _pack(root: Path, frames: Iterable[Frame], code: str = "abc") -> tuple[bytes, Archive]:
    frame_store = _frame_store(root)
    archive = write_tar(frames, frame_store, sample_name=code).archive
    assert archive is not None
    return (root / archive.key).read_bytes(), archive


def _members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: _content(tar, member) for member in tar}


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    return file.read()


def test_each_frame_is_a_sample_of_an_image_and_what_is_known_of_it(tmp_path: Path) -> None:
    data, _ = _pack(tmp_path, _frames(3, measures=FrameMetrics(1.5, 0.25, "0" * 16, blank=False)))
    samples: dict[str, dict[str, bytes]] = {}
    for name, content in _members(data).items():
        found = _SAMPLE.match(name)
        assert found
        samples.setdefault(found[1], {})[found[2]] = content
    assert list(samples) == ["abc/000000", "abc/000001", "abc/000002"]
    assert [sample["jpg"] for sample in samples.values()] == [frame.data for frame in _frames(3)]
    assert json.loads(samples["abc/000001"]["json"]) == {
        "index": 1,
        "slot": 1,
        "pts_seconds": 1 / 3,
        "width": 320,
        "height": 240,
        "sharpness": 1.5,
        "brightness": 0.25,
        "perceptual_hash": "0" * 16,
        "blank": False,
    }


def test_the_same_frames_always_give_the_same_bytes(tmp_path: Path) -> None:
    first, archive = _pack(tmp_path / "one", _frames(9))
    second, again = _pack(tmp_path / "two", _frames(9))
    assert first == second
    assert replace(archive, etag=again.etag) == again
    assert (archive.size_bytes, archive.sha256) == (len(first), hashlib.sha256(first).hexdigest())
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert {(item.mtime, item.uid, item.gid, item.uname, item.gname) for item in tar} == {
            (0, 0, 0, "", "")
        }


def test_the_ranges_are_those_of_the_images(tmp_path: Path) -> None:
    data, archive = _pack(tmp_path, _frames(7))
    for frame, offset in zip(_frames(7), archive.offsets, strict=True):
        assert data[offset : offset + len(frame.data)] == frame.data


def test_frames_keep_the_keys_that_they_would_have_as_objects(tmp_path: Path) -> None:
    stored = write_tar(_frames(2), _frame_store(tmp_path, "timestamped"), sample_name="abc")
    assert [frame.key for frame in stored.frames] == ["abc/1_0.00.jpg", "abc/2_0.33.jpg"]
    assert stored.archive is not None
    assert stored.archive.key == f"abc/{TAR_NAME}"


@pytest.mark.parametrize("code", ["x" * 200, "a.b", "-", ".."])
def test_any_code_gives_names_that_stay_below_the_folder_of_whoever_unpacks(
    tmp_path: Path, code: str
) -> None:
    data, archive = _pack(tmp_path, _frames(2), code)
    names = list(_members(data))
    assert len({name.rpartition("/")[0] for name in names}) == 1
    assert all(_SAMPLE.match(name) and ".." not in name.split("/") for name in names)
    first = next(_frames(1))
    assert data[archive.offsets[0] :].startswith(first.data)


@pytest.mark.operations_row(29)
def test_no_two_videos_have_the_same_keys(tmp_path: Path) -> None:
    names = ["abc", "instagram/abc", "tiktok/abc", "instagram/__abc__", "__abc__", "__instagram__/abc"]
    taken: set[str] = set()
    for place, name in enumerate(names):
        (tmp_path / str(place)).mkdir()
        members = set(_members(_pack(tmp_path / str(place), _frames(1), name)[0]))
        assert not members & taken
        taken |= members
    # What readers of WebDataset do: https://github.com/webdataset/webdataset, tariterators.py
    assert not [name for name in taken if re.match(r"__[^/]*__($|/)", name)]


def test_a_tar_of_many_parts_is_held_a_part_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part_bytes, sizes = 64 << 10, []
    monkeypatch.setattr(tar_form, "PART_BYTES", part_bytes)

    class Watched(FolderObjectStore):
        def put_parts(
            self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None
        ) -> str:
            def watched() -> Iterator[bytes]:
                for part in parts:
                    sizes.append((len(part), made[0]))
                    yield part

            return super().put_parts(key, watched(), content_type=content_type, replaces=replaces)

    made = [0]

    def frames() -> Iterator[Frame]:
        for frame in _frames(100, size_bytes=20_000):
            made[0] += 1
            yield frame

    frame_store = FrameStore(Watched(tmp_path), _frame_store(tmp_path).frame_keys, "jpg")
    archive = write_tar(frames(), frame_store, sample_name="abc").archive
    assert archive is not None
    assert {size for size, _ in sizes[:-1]} == {part_bytes}
    assert sizes[-1][0] <= part_bytes
    assert sum(size for size, _ in sizes) == archive.size_bytes
    # When a part goes out, no more frames have been made than fit into the parts until then.
    assert all(count <= (number * part_bytes) // 20_000 + 1 for number, (_, count) in enumerate(sizes, 1))
