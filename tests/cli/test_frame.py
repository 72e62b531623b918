"""`python -m extractor frame` writes the one frame that was asked for, and says its true time."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from extractor import extract_frames
from extractor.__main__ import main
from tests.support.media import clips

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.plain(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _frame(*arguments: object) -> int:
    return main(["frame", *map(str, arguments)])


def test_the_image_is_that_of_the_strategy_timestamps(
    clip: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (expected,) = extract_frames(clip, tmp_path / "frames", timestamps=[1.01], max_width=100, format="webp")
    assert _frame(clip, "--at", "1.01", "--width", "100", "--out", "one.webp") == 0
    assert Path("one.webp").read_bytes() == expected.path.read_bytes()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "clip.mp4: frame of 1.04 s, 100x74\n".replace("clip.mp4", str(clip))


@pytest.mark.parametrize(("at", "same_as"), [("-1", "2"), ("-0.04", "2.96"), ("-99", "0")])
def test_a_negative_time_counts_from_the_end(at: str, same_as: str, clip: Path) -> None:
    assert _frame(clip, "--at", at, "--out", "from-end.png") == 0
    assert _frame(clip, "--at", same_as, "--out", "from-start.png") == 0
    assert Path("from-end.png").read_bytes() == Path("from-start.png").read_bytes()


def test_standard_output_gets_the_image_and_nothing_else(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, write_through=True))
    assert _frame(clip, "--at", "0", "--format", "png") == 0
    image = cv2.imdecode(np.frombuffer(written.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (240, 320, 3)
    assert not list(Path().iterdir())


def test_a_video_in_s3_is_found_by_its_code(
    clip: Path, s3_client: "S3Client", new_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = new_bucket()
    s3_client.upload_file(str(clip), bucket, "abc.mp4")
    monkeypatch.setenv("S3_BUCKET_VIDEOS", bucket)
    sources: list[list[Any]] = [
        ["--code", "abc"],
        ["--code", "abc", "--platform", "x"],
        [f"s3://{bucket}/abc.mp4"],
    ]
    for number, source in enumerate([[clip], *sources]):
        assert _frame(*source, "--at", "1", "--out", f"{number}.jpg") == 0
    assert len({path.read_bytes() for path in Path().glob("*.jpg")}) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["CLIP", "--at", "99"], 1, "NO_FRAMES"),
        (["--code", "missing", "--at", "1"], 1, "VIDEO_MISSING"),
        (["CLIP", "--at", "1", "--out", "none/a.jpg"], 1, "STORAGE_UNAVAILABLE"),
        (["CLIP", "--at", "soon"], 2, "at: must be a number"),
        (["CLIP", "--at", "1", "--width", "1"], 2, "width: must be 2 to 65535"),
        (["CLIP", "--at", "1", "--quality", "5", "--out", "a.png"], 2, "PNG is lossless"),
        (["CLIP", "--at", "1", "--code", "abc"], 2, "not allowed with"),
        (["CLIP", "--at", "1", "--platform", "x"], 2, "--platform needs --code"),
        (["--at", "1"], 2, "required"),
        (["--code", "../x", "--at", "1"], 2, "--code"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    arguments: list[str],
    status: int,
    told: str,
    clip: Path,
    new_bucket: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("S3_BUCKET_VIDEOS", new_bucket())
    assert _frame(*(str(clip) if argument == "CLIP" else argument for argument in arguments)) == status
    assert told in capsys.readouterr().err
    assert not list(Path().iterdir())
