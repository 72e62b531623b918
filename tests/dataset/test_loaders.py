"""The loaders that people copy from the documentation give the frames of a video."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from pyarrow import parquet

from extractor.dataset.__main__ import main
from tests.dataset.conftest import MEASURES, images, store_video
from tests.docs import DOCS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def loaders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the code of the page defines."""
    names: dict[str, Any] = {}
    page = (DOCS / "howto" / "datasets.md").read_text()
    with pytest.MonkeyPatch.context() as environment:
        # Read when `datasets` is imported.
        environment.setenv("HF_HOME", str(tmp_path_factory.mktemp("hugging-face")))
        environment.setenv("HF_HUB_OFFLINE", "1")
        for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
            exec(block, names)
        yield names


def _jpegs(level: int) -> list[bytes]:
    gradient = np.linspace(0, 255, 32 * 24 * 3).reshape(24, 32, 3)
    return [
        cv2.imencode(".jpg", np.roll(gradient, step * level).astype(np.uint8))[1].tobytes()
        for step in range(3)
    ]


def test_the_loaders_of_the_page_give_the_pixels_of_each_frame(
    loaders: dict[str, Any], tmp_path: Path, s3_client: "S3Client", new_bucket: Callable[[], str]
) -> None:
    out, bucket = tmp_path / "out", new_bucket()
    for level, code in enumerate(("a", "b", "c"), 1):
        store_video(tmp_path / "frames", code, "frames", _jpegs(level))
        store_video(tmp_path / "tars", code, "tar", _jpegs(level))
    assert main(["export", str(tmp_path / "tars"), "--out", str(out)]) == 0
    for path in out.iterdir():
        s3_client.put_object(Bucket=bucket, Key=f"sets/{path.name}", Body=path.read_bytes())

    decoded = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in _jpegs(2)]
    expected = np.stack([pixels[:, :, ::-1] for pixels in decoded if pixels is not None])
    for loaded in (
        loaders["from_folder"](tmp_path / "frames" / "b"),
        loaders["from_tar"](tmp_path / "tars" / "b" / "frames.tar"),
        loaders["from_shard"](out, "b"),
        loaders["from_s3"](bucket, "sets/", loaders["rows_of"](out / "frames.parquet", "b")),
    ):
        assert np.array_equal(loaded, expected)


def test_hugging_face_reads_the_stored_images_and_the_tables(loaders: dict[str, Any], tmp_path: Path) -> None:
    for level, code in enumerate(("a", "b")):
        store_video(tmp_path / "source", code, "frames", _jpegs(level))
    out = tmp_path / "out"
    assert main(["export", str(tmp_path / "source"), "--out", str(out)]) == 0
    undecoded = loaders["datasets"].Image(decode=False)
    samples = list(loaders["from_hugging_face"](out, "train").cast_column("jpg", undecoded))
    assert [sample["jpg"]["bytes"] for sample in samples] == [*_jpegs(0), *_jpegs(1)]
    assert [sample["json"]["pts_seconds"] for sample in samples] == [0.0, 0.5, 1.0] * 2
    assert next(iter(loaders["from_hugging_face"](out, "train")))["jpg"].size == (32, 24)
    for name in ("frames", "videos"):
        table = parquet.read_table(out / f"{name}.parquet").to_pylist()
        assert loaders["table_from_hugging_face"](out, name).to_list() == table


def test_duckdb_joins_and_filters_the_tables(loaders: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for code in ("a", "b"):
        store_video(tmp_path / "source", code)
    assert main(["export", str(tmp_path / "source"), "--out", str(out)]) == 0
    found = loaders["sharp_frames"](out, MEASURES.sharpness - 0.1)
    assert [(code, index) for code, index, *_ in found] == [(code, n) for code in "ab" for n in range(3)]
    code, index, shard, offset, size, duration = found[4]
    assert (out / shard).read_bytes()[offset:][:size] == images(code)[index]
    assert duration == parquet.read_table(out / "videos.parquet")["duration_seconds"][1].as_py()
    assert loaders["sharp_frames"](out, MEASURES.sharpness) == []
