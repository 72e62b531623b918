"""`iter_frames` gives the frames that `extract_frames` stores, as they come, and leaves nothing behind."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from extractor import SamplingPolicy, extract_frames, iter_frames
from extractor.errors import TruncatedError, UnreadableError, VideoMissingError
from tests.proof.processes import children_of
from tests.support.media import clips


@pytest.fixture
def long_video(tmp_path: Path) -> Path:
    """Too large for its frames to be made together with the index."""
    return clips.plain(tmp_path / "long.mp4", 60)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No process and no temporary file."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    before = set(children_of(os.getpid()))
    yield
    assert set(children_of(os.getpid())) <= before
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"frame_interval": 0.1},
        {"strategy": "keyframe"},
        {"strategy": "scene", "scene_threshold": 1.0},
        {"timestamps": [0.5, 3], "format": "webp"},
        {"measures": True, "skip_similar": 4},
        {"max_frames": 3, "max_frames_mode": "spread", "format": "png"},
    ],
    ids=str,
)
def test_the_frames_are_those_that_are_stored(holiday: Path, options: dict[str, Any]) -> None:
    stored = extract_frames(holiday, "out", **options).manifest.frames
    assert [
        (frame.index, frame.slot, frame.pts_seconds, hashlib.sha256(frame.data).hexdigest())
        for frame in iter_frames(holiday, **options)
    ] == [(frame.index, frame.slot, frame.pts_seconds, frame.sha256) for frame in stored]


def test_a_policy_may_be_given_as_a_whole(holiday: Path) -> None:
    policy = SamplingPolicy(interval_seconds=2.0)
    assert [frame.pts_seconds for frame in iter_frames(holiday, policy)] == [0.0, 2.0, 4.0]


@pytest.mark.parametrize("options", [{}, {"frame_interval": 0.04}, {"strategy": "keyframe"}], ids=str)
def test_frames_come_while_the_decoder_runs_and_leaving_early_ends_it(
    long_video: Path, options: dict[str, Any]
) -> None:
    before = set(children_of(os.getpid()))
    with closing(iter_frames(long_video, **options)) as frames:
        assert next(frames).index == 0
        if options != {"strategy": "keyframe"}:  # few frames may all be made by now
            assert set(children_of(os.getpid())) > before
    assert set(children_of(os.getpid())) == before


def test_a_loop_that_is_left_ends_the_decoder_by_itself(long_video: Path) -> None:
    for frame in iter_frames(long_video, frame_interval=0.04):
        if frame.index == 3:
            break
    assert frame.pts_seconds == 0.12


def test_an_error_in_the_loop_ends_the_decoder(long_video: Path) -> None:
    with pytest.raises(ZeroDivisionError), closing(iter_frames(long_video, frame_interval=0.04)) as frames:
        for frame in frames:
            1 // (frame.index - 2)


def test_nothing_is_started_before_the_first_frame_is_asked_for(long_video: Path) -> None:
    before = set(children_of(os.getpid()))
    frames = iter_frames(long_video)
    assert set(children_of(os.getpid())) == before
    frames.close()


def test_two_videos_at_once_do_not_mix(long_video: Path, holiday: Path) -> None:
    pairs = zip(iter_frames(holiday), iter_frames(long_video), strict=False)
    assert [(one.index, other.index) for one, other in islice(pairs, 3)] == [(0, 0), (1, 1), (2, 2)]


def test_an_array_has_the_pixels_of_the_frame(holiday: Path) -> None:
    frame = next(iter_frames(holiday, timestamps=[1.0], format="png"))
    with av.open(str(holiday)) as container:
        expected = next(
            picture.to_ndarray(format="rgb24") for picture in container.decode(video=0) if picture.time == 1.0
        )
    pixels = frame.to_array()
    assert pixels.shape == (240, 320, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - expected.astype(int)).mean() < 3


@pytest.mark.parametrize("image_format", ["jpg", "webp"])
def test_an_array_is_made_of_every_format_with_red_first(tmp_path: Path, image_format: Any) -> None:
    red = clips.plain(tmp_path / "red.mp4", 1, pictures="color=red:size=64x64:rate=25")
    pixels = next(iter_frames(red, format=image_format)).to_array()
    assert pixels.reshape(-1, 3).mean(axis=0) == pytest.approx([254, 0, 0], abs=6)


def test_a_decode_that_begins_anew_repeats_no_frame(tmp_path: Path) -> None:
    """The first field picture comes midway, where the header has promised none."""
    parts = [tmp_path / f"{number}.ts" for number in (1, 2)]
    clips.plain(parts[0], 3)
    clips.plain(parts[1], 3, encoded=f"{clips.ENCODED} -x264-params tff=1")
    whole = tmp_path / "whole.ts"
    clips.ffmpeg("-i concat:{0}|{1} -c copy {2}", *parts, whole)
    stored = extract_frames(whole, tmp_path / "out", 0.5)
    assert stored.manifest.video.interlaced
    assert [frame.slot for frame in iter_frames(whole, frame_interval=0.5)] == [
        frame.slot for frame in stored
    ]


def test_the_errors_are_those_of_an_extraction(tmp_path: Path, holiday: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video at all" * 100)
    clips.ffmpeg("-i {0} -c copy {1}", holiday, tmp_path / "whole.mkv")
    cut = clips.cut_off(tmp_path / "cut.mkv", 0.5, tmp_path / "whole.mkv")
    for path, error in (
        (tmp_path / "missing.mp4", VideoMissingError),
        (tmp_path / "bad.mp4", UnreadableError),
        (cut, TruncatedError),
    ):
        with pytest.raises(error):
            list(iter_frames(path))


@pytest.mark.parametrize(
    "address", ["https://host.example/video.mp4?signature=secret", "s3://bucket/key.mp4"]
)
def test_an_address_is_refused_with_what_takes_one_and_without_its_query(address: str) -> None:
    with pytest.raises(VideoMissingError, match="extract_frames takes addresses") as refused:
        list(iter_frames(address))
    assert "secret" not in str(refused.value)
