"""A data set holds the frames as they are stored, is the same every time, and is checked."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from msgspec.structs import replace
from pyarrow import parquet
from webdataset import tariterators

from extractor.backends.storage.folder import FolderObjectStore
from extractor.dataset.__main__ import main
from extractor.dataset.arguments import parse_split
from extractor.dataset.export import Export
from extractor.dataset.source import Source
from extractor.errors import AccessDeniedError
from tests.dataset.conftest import MEASURES, hashes, images, store_video

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows


def _run(source: Path, out: Path, *options: str) -> int:
    return main(["export", str(source), "--out", str(out), *options])


def _small(source: Path, out: Path, told: list[str] | None = None) -> Export:
    """An export whose shards have room for two videos."""
    lines = [] if told is None else told
    return Export(
        source=Source(FolderObjectStore(source)),
        target=FolderObjectStore(out),
        prefix="",
        shard_bytes=20_000,
        splits=parse_split("all=1"),
        tell=lines.append,
    )


def test_webdataset_reads_each_stored_image(source: Path, tmp_path: Path) -> None:
    _small(source, tmp_path / "out").run()
    shards = sorted((tmp_path / "out").glob("*.tar"))
    assert len(shards) > 1
    with ExitStack() as stack:  # webdataset.WebDataset, which opens the shards itself, does not close them
        opened = [{"url": str(path), "stream": stack.enter_context(path.open("rb"))} for path in shards]
        samples = {
            sample["__key__"]: (sample["jpg"], sample["json"])
            for sample in tariterators.group_by_keys(tariterators.tar_file_expander(opened))
        }
    assert {key: data for key, (data, _) in samples.items()} == {
        f"video{number}/{index:06d}": data
        for number in range(7)
        for index, data in enumerate(images(f"video{number}"))
    }
    assert all(b'"pts_seconds":' in text for _, text in samples.values())


def test_the_tables_say_where_each_frame_is_and_what_is_known_of_it(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _small(source, out).run()
    rows = _rows(out / "frames.parquet")
    assert [(row["code"], row["index"]) for row in rows] == [
        (f"video{number}", index) for number in range(7) for index in range(3)
    ]
    for row in rows:
        shard = (out / row["shard"]).read_bytes()
        data = shard[row["offset"] : row["offset"] + row["size_bytes"]]
        assert data == images(row["code"])[row["index"]]
    assert [row["scene"] for row in rows[:3]] == [0, 1, 1]
    assert rows[0]["sharpness"] == MEASURES.sharpness
    videos = _rows(out / "videos.parquet")
    assert [(row["code"], row["frames"], row["scenes"]) for row in videos] == [
        (f"video{number}", 3, 2) for number in range(7)
    ]


def test_the_same_frames_give_the_same_bytes_as_files_and_as_tars(tmp_path: Path) -> None:
    for form in ("frames", "tar"):
        for code in ("b.c", "a", "__x__"):
            store_video(tmp_path / form, code, form)
        assert _run(tmp_path / form, tmp_path / f"{form}-out", "--split", "train=0.5,val=0.5") == 0
    assert hashes(tmp_path / "frames-out") == hashes(tmp_path / "tar-out")


def test_shards_that_are_complete_are_kept_and_others_are_written(source: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out", list[str]()
    _small(source, out).run()
    before, shards = hashes(out), sorted(out.glob("*.tar"))
    damaged = bytearray(shards[1].read_bytes())
    damaged[700] ^= 1  # in the first image
    shards[1].write_bytes(damaged)
    shards[2].unlink()
    kept = {path.name: path.stat().st_ino for path in shards if path not in (shards[1], shards[2])}
    totals = _small(source, out, told).run()
    assert hashes(out) == before
    assert {name: (out / name).stat().st_ino for name in kept} == kept
    assert (totals.shards, totals.kept) == (len(shards), len(shards) - 2)


@pytest.mark.parametrize("form", ["frames", "tar"])
def test_what_is_damaged_is_named_and_the_rest_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    for code in ("a", "b", "c"):
        store_video(source, code, form)
    assert _run(source, out) == 0
    path = source / "b" / ("000001.jpg" if form == "frames" else "frames.tar")
    data = bytearray(path.read_bytes())
    data[700] ^= 1  # in the first image of the tar
    path.write_bytes(data)
    for shard in out.glob("*.tar"):
        shard.unlink()
    capsys.readouterr()
    assert _run(source, out) == 1
    error = capsys.readouterr().err
    assert f"'b/{path.name}': frame {1 if form == 'frames' else 0} does not have" in error
    assert list(out.iterdir()) == []
    path.unlink()
    assert _run(source, out) == 1
    assert f"'b/{path.name}': there is no file" in capsys.readouterr().err
    store_video(source, "b", form)
    assert _run(source, out) == 0


def test_a_damaged_manifest_is_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "video3" / "manifest.json").write_bytes(b"{}")
    assert _run(source, tmp_path / "out") == 1
    assert "'video3/manifest.json'" in capsys.readouterr().err
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".tar"]


def test_folders_that_were_moved_are_read(source: Path, tmp_path: Path) -> None:
    (source / "elsewhere").mkdir()
    for number in range(7):
        (source / f"video{number}").rename(source / "elsewhere" / f"moved{number}")
    assert _run(source, tmp_path / "out") == 0
    assert _rows(tmp_path / "out" / "frames.parquet")[0]["sample"] == "elsewhere/moved0/000000"


def test_a_part_of_a_bucket_is_read_whose_only_frame_is_in_a_subfolder(tmp_path: Path) -> None:
    store_video(tmp_path, "part/video", data=images("one")[:1], template="{slot}/{index:06d}.jpg")
    assert _run(tmp_path / "part", tmp_path / "out") == 0


def test_a_bucket_gives_the_bytes_of_a_folder_and_may_be_the_target(
    source: Path, tmp_path: Path, s3_client: "S3Client", new_bucket: Callable[[], str]
) -> None:
    bucket = new_bucket()
    for path in source.rglob("*.*"):
        key = f"some/{path.relative_to(source)}"
        s3_client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    assert _run(source, tmp_path / "out") == 0
    command = ["export", f"s3://{bucket}/some", "--out", f"s3://{bucket}/sets/one"]
    assert main(command) == 0
    assert main(command) == 0
    listed = s3_client.list_objects_v2(Bucket=bucket, Prefix="sets/one/")["Contents"]
    assert {entry["Key"] for entry in listed} == {f"sets/one/{name}" for name in hashes(tmp_path / "out")}
    for name in hashes(tmp_path / "out"):
        body = s3_client.get_object(Bucket=bucket, Key=f"sets/one/{name}")["Body"].read()
        assert body == (tmp_path / "out" / name).read_bytes()


def test_ctrl_c_leaves_complete_shards_and_no_tables(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, original = tmp_path / "out", Source.images

    def interrupted(self: Source, video: Any) -> Iterator[bytes]:
        if video.folder == "video5/":
            signal.raise_signal(signal.SIGINT)
        return original(self, video)

    monkeypatch.setattr(Source, "images", interrupted)
    assert _run(source, out, "--split", "a=0.5,b=0.5") == 130
    assert "interrupted" in capsys.readouterr().err
    left = hashes(out)
    assert set(left) == {"a-000000.tar"}
    monkeypatch.undo()
    assert _run(source, out, "--split", "a=0.5,b=0.5") == 0
    assert left.items() <= hashes(out).items()
    assert not [path for path in out.iterdir() if path.name.startswith(".partial")]


class _Denying(FolderObjectStore):
    """A folder some of whose files may not be read."""

    denied: ClassVar[str]

    def open(self, key: str) -> Any:
        if re.search(self.denied, key):
            raise AccessDeniedError("cannot read it (AccessDenied)")
        return super().open(key)


@pytest.mark.parametrize(
    ("denied", "line"),
    [
        ("video3/manifest", "'video3/manifest.json': cannot read"),
        ("video4/000001", "'video4/000001.jpg': cannot"),
    ],
)
def test_an_object_that_may_not_be_read_is_named_and_the_rest_is_written(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, denied: str, line: str
) -> None:
    monkeypatch.setattr(_Denying, "denied", denied, raising=False)
    told: list[str] = []
    totals = replace(_small(source, tmp_path, told), source=Source(_Denying(source))).run()
    assert totals.damaged == 1
    assert [text for text in told if line in text]
    assert len(list(tmp_path.glob("*.tar"))) == totals.shards - denied.startswith("video4")


def test_an_export_ends_early_if_no_manifest_may_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Denying, "denied", "manifest", raising=False)
    for number in range(12):
        store_video(tmp_path / "source", f"video{number:02}")
    told: list[str] = []
    export = replace(_small(tmp_path, tmp_path, told), source=Source(_Denying(tmp_path / "source")))
    with pytest.raises(AccessDeniedError, match="10 manifests in a row"):
        export.run()
    assert len(told) == 10


@pytest.mark.parametrize("missing", ["nowhere", ""])
def test_a_source_without_videos_is_wrong_usage(tmp_path: Path, missing: str) -> None:
    assert _run(tmp_path / missing, tmp_path / "out") == 2
