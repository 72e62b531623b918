"""The loaders that people copy from the documentation give the frames of a video."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from extractor.dataset.__main__ import main
from tests.dataset.conftest import store_video
from tests.docs import DOCS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def loaders() -> dict[str, Any]:
    """What the code of the page defines."""
    names: dict[str, Any] = {}
    page = (DOCS / "howto" / "datasets.md").read_text()
    for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(block, names)
    return names


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
