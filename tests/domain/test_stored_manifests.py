"""Manifests and records of partial runs of earlier versions stay readable, and are written as before."""

import json
from pathlib import Path

import msgspec
import pytest

from extractor.backends.storage.base import StoredObject
from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import FrameMetrics, StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.policy import SamplingPolicy
from extractor.output.partial_run import PartialRun
from tests.support.samples import a_manifest

DATA = Path(__file__).with_name("data")
STORED = sorted((DATA / "manifests").glob("*.json"))
LATER_FIELDS = {
    "": {"archive": None, "extras": [], "scenes": None, "scene_count": None},
    "video": {
        "stream": None,
        "discontinuities": [],
        "matrix": None,
        "matrix_assumed": False,
        "interlaced": False,
    },
    "frame": {"measures": None, "etag": None},
}
INTERIM_FRAMES = tuple(
    StoredFrame(
        index,
        index,
        f"abc/{index:06d}.jpg",
        index / 3,
        100 + index,
        f"{index:064x}",
        320,
        240,
        FrameMetrics(12.5, 0.5, "0123456789abcdef", blank=True) if index else None,
        f"etag-{index}",
    )
    for index in range(3)
)


def _read(data: bytes) -> Manifest:
    manifest = parse_manifest(data)
    assert manifest is not None
    return manifest


def test_there_are_stored_manifests() -> None:
    assert [path.stem for path in STORED] == [
        "cloud",
        "frames",
        "tar-scenes-storyboard",
        "without-later-fields",
    ]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_manifest_is_written_again_with_equal_content(path: Path) -> None:
    expected = json.loads(path.read_bytes())
    if path.stem == "without-later-fields":
        expected |= LATER_FIELDS[""]
        expected["video"] |= LATER_FIELDS["video"]
        expected["frames"] = [frame | LATER_FIELDS["frame"] for frame in expected["frames"]]
    manifest = _read(path.read_bytes())
    assert json.loads(manifest.to_json()) == expected
    assert _read(manifest.to_json()) == manifest


def test_the_order_and_the_indentation_of_a_manifest_stay() -> None:
    stored = (DATA / "manifests" / "tar-scenes-storyboard.json").read_bytes()
    assert _read(stored).to_json() == stored


def test_unknown_fields_of_a_newer_version_are_ignored() -> None:
    newer = json.loads(a_manifest().to_json())
    for part in (newer, newer["source"], newer["video"], newer["policy"], newer["frames"][0]):
        part["field_of_a_newer_version"] = {"any": ["thing"]}
    assert _read(json.dumps(newer).encode()) == a_manifest()


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        a_manifest().to_json()[:-20],
        a_manifest().to_json() + b"x",
        a_manifest().to_json().replace(b'"abc"', b'"\xff"'),
        a_manifest().to_json().replace(b'"size_bytes": 100', b'"size_bytes": "100"'),
        a_manifest().to_json().replace(b'"archive": null', b'"unknown": ' + b"[" * 100_000),
        a_manifest()
        .to_json()
        .replace(
            b'"archive": null', b'"archive": {"key": "a", "size_bytes": 1, "sha256": "", "offsets": [0]}'
        ),
    ],
    ids=[
        "empty",
        "no text",
        "null",
        "a list",
        "deep",
        "cut off",
        "trailing text",
        "no UTF-8",
        "a wrong type",
        "a deep field",
        "offsets of other frames",
    ],
)
def test_a_broken_manifest_is_unreadable(broken: bytes) -> None:
    assert parse_manifest(broken) is None


def _partial_run(folder: Path) -> PartialRun:
    (folder / "abc").mkdir()
    (folder / "abc" / "interim.json").write_bytes((DATA / "interim.json").read_bytes())
    source = SourceVideo("videos", "abc.mp4", "etag", 1000)
    return PartialRun(
        FolderObjectStore(folder), FrameKeys("abc/", "{index:06d}.jpg"), source, SamplingPolicy()
    )


def test_a_stored_record_of_a_partial_run_is_read_and_written_as_it_was(tmp_path: Path) -> None:
    run = _partial_run(tmp_path)
    known = {
        frame.key: StoredObject(frame.key, frame.size_bytes, frame.etag or "") for frame in INTERIM_FRAMES
    }
    assert run.read(known | {run.key: StoredObject(run.key, 1, "")}) == INTERIM_FRAMES
    run.write(INTERIM_FRAMES)
    assert (tmp_path / run.key).read_bytes() == (DATA / "interim.json").read_bytes()


@pytest.mark.parametrize("broken", [b"", b"{}", b'{"unknown": ' + b"[" * 100_000, b'{"source": "\xff"}'])
def test_a_broken_record_of_a_partial_run_proves_nothing(tmp_path: Path, broken: bytes) -> None:
    run = _partial_run(tmp_path)
    (tmp_path / run.key).write_bytes(broken)
    assert run.read({run.key: StoredObject(run.key, 1, "")}) == ()


def test_every_option_of_a_policy_has_a_default() -> None:
    assert all(not field.required for field in msgspec.structs.fields(SamplingPolicy))
