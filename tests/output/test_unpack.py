"""What is unpacked is what OUTPUT=frames would have given, or an error that says what is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extractor.__main__ import main

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def _extract(video: Path, out: Path, *options: str) -> Path:
    assert main([str(video), "--out", str(out), *options]) == 0
    return out / video.stem


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


@pytest.fixture
def packed(plain_clip: Path, tmp_path: Path) -> Path:
    """A folder with a tar and its manifest."""
    return _extract(plain_clip, tmp_path / "packed", "--output", "tar")


@pytest.mark.parametrize("name", ["frames.tar", "manifest.json"])
def test_the_files_are_those_of_the_other_output(
    packed: Path, plain_clip: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(_files(packed)) == {"frames.tar"}
    assert main(["unpack", str(packed / name), "--out", str(tmp_path / "out")]) == 0
    assert "4 frames" in capsys.readouterr().out
    assert _files(tmp_path / "out") == _files(_extract(plain_clip, tmp_path / "frames"))


def test_it_may_be_done_again_over_what_is_there(packed: Path, tmp_path: Path) -> None:
    command = ["unpack", str(packed / "frames.tar"), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    before = _files(tmp_path / "out")
    (tmp_path / "out" / "000001.jpg").write_bytes(b"something else")
    assert main(command) == 0
    assert _files(tmp_path / "out") == before


def test_it_works_from_a_bucket(
    packed: Path,
    plain_clip: Path,
    tmp_path: Path,
    s3_client: "S3Client",
    new_bucket: Callable[[], str],
) -> None:
    bucket = new_bucket()
    for path in packed.iterdir():
        s3_client.put_object(Bucket=bucket, Key=f"some/where/{path.name}", Body=path.read_bytes())
    for name in ("frames.tar", "manifest.json"):
        out = tmp_path / name
        assert main(["unpack", f"s3://{bucket}/some/where/{name}", "--out", str(out)]) == 0
        assert _files(out) == _files(_extract(plain_clip, tmp_path / "frames"))


def _swap(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("frames.tar", lambda data: _swap(data, 700), "SOURCE_CHANGED"),
        ("frames.tar", lambda data: data[:-1], "SOURCE_CHANGED"),
        ("frames.tar", lambda data: None, "VIDEO_MISSING"),
        ("manifest.json", lambda data: None, "VIDEO_MISSING"),
        ("manifest.json", lambda data: b"{}", "UNREADABLE"),
        ("manifest.json", lambda data: data.replace(b'"offsets": [', b'"offsets": [512,'), "UNREADABLE"),
    ],
)
def test_what_is_not_as_the_manifest_states_is_refused(
    packed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    change: Callable[[bytes], bytes | None],
    reason: str,
) -> None:
    changed = change((packed / name).read_bytes())
    (packed / name).unlink()
    if changed is not None:
        (packed / name).write_bytes(changed)
    assert main(["unpack", str(packed / "frames.tar"), "--out", str(tmp_path / "out")]) == 1
    assert f": {reason}: " in capsys.readouterr().err


def test_a_manifest_of_single_files_is_told_apart(
    plain_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _extract(plain_clip, tmp_path)
    assert main(["unpack", str(folder / "manifest.json"), "--out", str(tmp_path / "out")]) == 1
    assert "lists no tar" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../escaped.jpg", "/escaped.jpg", "a/../../escaped.jpg"])
def test_no_manifest_leads_out_of_the_folder(
    packed: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = packed / "manifest.json"
    manifest.write_text(manifest.read_text().replace("000000.jpg", name))
    assert main(["unpack", str(manifest), "--out", str(tmp_path / "in" / "out")]) == 1
    assert ": ACCESS_DENIED: " in capsys.readouterr().err
    assert not list(tmp_path.rglob("escaped.jpg"))
