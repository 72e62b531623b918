"""Sources of data sets: videos with frames as they are stored, without decoding anything."""

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import Frame, FrameMetrics, Scene
from extractor.domain.layout import FrameKeys
from extractor.output.frame_store import FrameStore
from extractor.output.writers import open_writer
from tests.support.samples import a_manifest

MEASURES = FrameMetrics(1.5, 0.25, "0" * 16, blank=False)
SCENES = (Scene(0, 0.0, 0.5, 0), Scene(1, 0.5, 2.0, 12))


def images(code: str) -> list[bytes]:
    """Bytes in place of three images, of different sizes, that no other video has."""
    noise = random.Random(code)
    return [noise.randbytes(500 + 300 * index) for index in range(3)]


def store_video(
    root: Path,
    code: str,
    form: str = "frames",
    data: Sequence[bytes] | None = None,
    template: str = "{index:06d}.jpg",
) -> None:
    """Store a video as the worker does: these images, or three that are none."""
    prefix = f"{code}/"
    data = images(code) if data is None else data
    frames = [Frame(n, n, n / 2, image, 320, 240, MEASURES) for n, image in enumerate(data)]
    frame_store = FrameStore(FolderObjectStore(root), FrameKeys(prefix, template), "jpg")
    stored = open_writer(form)(iter(frames), frame_store, workers=1, sample_name=code)
    manifest = replace(
        a_manifest(code, frame_count=0),
        frames=tuple(sorted(stored.frames, key=lambda frame: frame.index)),
        archive=stored.archive,
        scenes=SCENES,
        scene_count=len(SCENES),
    )
    (root / prefix / "manifest.json").write_bytes(manifest.to_json())


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Seven videos, of which every second one is a tar."""
    root = tmp_path / "source"
    for number in range(7):
        store_video(root, f"video{number}", ("frames", "tar")[number % 2])
    return root
