"""An output form is one module and one entry in the registry; everything else follows from its name."""

import io
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace

from extractor.__main__ import main
from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import Frame
from extractor.domain.key_parser import KeyParser
from extractor.domain.layout import parse_layout
from extractor.domain.manifest import Archive, parse_manifest
from extractor.domain.output_options import WRITERS, OutputOptions, archive_name, is_side_file
from extractor.output.frame_store import FrameStore, SideFile
from extractor.output.unpack import Package
from extractor.output.writers import FrameWriter, StoredOutput, open_writer
from tests.support.media import clips
from tests.support.samples import a_manifest


def write_zip(
    frames: Iterable[Frame],
    frame_store: FrameStore,
    *,
    workers: int,
    sample_name: str,
) -> StoredOutput:
    """Store all frames as one uncompressed zip."""
    buffer, stored, offsets = io.BytesIO(), [], []
    with zipfile.ZipFile(buffer, "w") as archive:
        for frame in frames:
            described = frame_store.describe(frame)
            archive.writestr(described.key.rpartition("/")[2], frame.data)
            stored.append(described)
            offsets.append(archive.start_dir - len(frame.data))
    file = frame_store.put(SideFile(archive_name("zip"), buffer.getvalue(), "application/zip"))
    return StoredOutput(
        tuple(stored), Archive(file.key, file.size_bytes, file.sha256, file.etag, offsets=tuple(offsets))
    )


@pytest.fixture
def zip_form(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("zip_form")
    module.__dict__["write_zip"] = write_zip
    monkeypatch.setitem(sys.modules, "zip_form", module)
    monkeypatch.setitem(WRITERS, "zip", "zip_form:write_zip")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.plain(tmp_path_factory.mktemp("clips") / "clip.mp4", 3)


@pytest.mark.usefixtures("zip_form")
def test_a_registered_form_is_written_recognised_and_unpacked(clip: Path, tmp_path: Path) -> None:
    assert main([str(clip), "--out", str(tmp_path), "--output", "zip"]) == 0
    folder = tmp_path / "clip"
    assert sorted(path.name for path in folder.iterdir()) == ["frames.zip", "manifest.json"]
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    assert manifest is not None
    assert manifest.output_form == "zip"
    assert manifest.has_output(OutputOptions("zip"))
    assert not any(manifest.has_output(OutputOptions(form)) for form in ("frames", "tar"))
    with zipfile.ZipFile(folder / "frames.zip") as archive:
        assert archive.namelist() == [frame.key for frame in manifest.frames]
    files = FolderObjectStore(tmp_path / "files")
    for name in ("frames.zip", "manifest.json"):
        assert Package(FolderObjectStore(folder), "", name).unpack(files) == len(manifest.frames) == 3
    found = KeyParser(parse_layout("default")).find("tiktok/abc/frames.zip")
    assert found is not None
    assert (found.platform, found.code) == ("tiktok", "abc")


def test_an_archive_of_an_unknown_form_is_not_taken_for_single_files() -> None:
    plain = a_manifest(frame_count=1)
    newer = replace(plain, archive=Archive("abc/frames.zip", 1, "", offsets=(0,)))
    assert plain.has_output(OutputOptions())
    assert not any(newer.has_output(OutputOptions(form)) for form in WRITERS)


def test_without_its_entry_a_form_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["video.mp4", "--out", str(tmp_path), "--output", "zip"]) == 2
    assert "invalid choice: 'zip'" in capsys.readouterr().err
    assert KeyParser(parse_layout("default")).find("tiktok/abc/frames.zip") is None


@pytest.mark.parametrize("form", WRITERS)
def test_every_entry_of_the_registry_is_a_writer(form: str) -> None:
    writer: FrameWriter = open_writer(form)
    assert callable(writer)
    assert not any(char.isdigit() for char in archive_name(form)), "a frame may have this name"


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "interim.json",
        "frames.tar",
        "contact-sheet.jpg",
        "sprite-a.jpg",
        "storyboard.vtt",
        *(f"audio.{extension}" for extension in ("aac", "flac", "mka", "mp3", "ogg", "wav")),
    ],
)
def test_side_files_are_told_from_other_files(name: str) -> None:
    assert is_side_file(name)
    assert not is_side_file(f"x{name}")
    assert not is_side_file(f"{name}x")


@pytest.mark.parametrize(
    "name", ["", "frames.frames", "frames.jpg", "other.tar", "sprite-a-jpg", "sprite-1.jpg", "audio.jpg"]
)
def test_other_files_are_no_side_files(name: str) -> None:
    assert not is_side_file(name)
