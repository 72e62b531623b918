"""Frames beyond the maximum are not encoded, even if the whole video is decoded for its scenes."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from extractor.domain.policy import MaxFramesMode, SamplingPolicy
from extractor.media.decode.schedule import make_schedule
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.expressions import select_expression
from extractor.media.scenes.finder import SceneFinder
from tests.support.media import clips
from tests.support.media.decoding import Decode, Decoded

_MOST = 4


@pytest.fixture(scope="module")
def untimed_clip(clip_dir: Path) -> Path:
    """A clip without pts: AVI stores none."""
    return clips.plain(clip_dir / "untimed.avi", 6, "mpeg4 -bf 2 -g 10")


@pytest.fixture(scope="module")
def timed_clip(clip_dir: Path) -> Path:
    return clips.plain(clip_dir / "timed.mp4", 6, "libx264 -bf 2 -g 10")


def _encoded(
    build: Callable[[DecoderInput, Urls], Sequence[str]], found: Decoded, folder: Path, **texts: str
) -> int:
    """Return how many images FFmpeg encodes with this command."""
    urls = {name: str(folder / name) for name in ("images", "frames", "scenes", *texts)}
    for name, text in texts.items():
        (folder / name).write_text(text)
    argv = build(found.decoder.source, urls)
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
    return len((folder / "images").read_text().splitlines())


@pytest.mark.parametrize("clip", ["timed_clip", "untimed_clip"])
@pytest.mark.parametrize("mode", ["first", "spread"])
def test_frames_beyond_the_maximum_are_not_encoded_beside_scenes(
    decode: Decode, clip: str, mode: MaxFramesMode, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    policy = SamplingPolicy(
        interval_seconds=0.1, max_frames=_MOST, max_frames_mode=mode, scene_detector="content"
    )
    found = decode(request.getfixturevalue(clip), policy)
    assert len(found.frames) == _MOST
    assert found.decoder.scenes
    assert found.decoder.decoded_seconds == pytest.approx(6, abs=0.1), "all is decoded for the scenes"
    schedule = make_schedule(found.index, policy)
    assert schedule.selection is not None
    small = SceneFinder(found.index, policy).spec.filters

    def build(source: DecoderInput, urls: Urls) -> Sequence[str]:
        return command.build_full(source, found.index.picture, policy, urls, small)

    assert _encoded(build, found, tmp_path, selection=select_expression(schedule.selection)) == _MOST


def test_keyframes_beyond_the_maximum_are_not_encoded(
    decode: Decode, untimed_clip: Path, tmp_path: Path
) -> None:
    policy = SamplingPolicy(strategy="keyframe", max_frames=_MOST)
    found = decode(untimed_clip, policy)
    assert len(found.frames) == _MOST

    def build(source: DecoderInput, urls: Urls) -> Sequence[str]:
        return command.build_keyframes(source, found.index.picture, policy, urls)

    assert _encoded(build, found, tmp_path) == _MOST


@pytest.mark.parametrize("interval", [0.04, 0.5])
def test_a_change_of_size_beyond_the_maximum_is_no_obstacle(
    decode: Decode, clip_dir: Path, interval: float
) -> None:
    """FFmpeg then reconfigures its filters, and their counters restart at 0."""
    clip = clips.changing_size(clip_dir / "max-changing.ts")
    policy = SamplingPolicy(interval_seconds=interval, max_frames=3, scene_detector="content")
    found = decode(clip, policy)
    assert [frame.slot for frame in found.frames] == [0, 1, 2]
    assert found.decoder.decoded_seconds == pytest.approx(4, abs=0.1)
