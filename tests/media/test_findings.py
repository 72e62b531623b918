"""Scenes and metrics are found, and frames are selected or skipped by them."""

from pathlib import Path

import pytest

from extractor.domain.frames import Frame, FrameMetrics
from extractor.domain.manifest import Manifest
from extractor.domain.policy import SamplingPolicy
from extractor.media.dedup import drop_redundant, hamming
from extractor.pipeline.local import extract_to_folder, local_config
from tests.support.media import clips

_SCENES = ("testsrc2", "mandelbrot", "smptebars", "color=navy")


@pytest.fixture(scope="session")
def scenes_clip(clip_dir: Path) -> Path:
    """Four scenes of 2, 1, 2 and 1 seconds with hard cuts in between."""
    path = clip_dir / "scenes.mp4"
    seconds = (2, 1, 2, 1)
    separator = {"color=navy": ":"}
    inputs = " ".join(
        f"-f lavfi -t {length} -i {name}{separator.get(name, '=')}size=320x240:rate=25"
        for name, length in zip(_SCENES, seconds, strict=True)
    )
    joined = "".join(f"[{number}:v]setsar=1,format=yuv420p[v{number}];" for number in range(4))
    joined += "".join(f"[v{number}]" for number in range(4))
    clips.ffmpeg(f"{inputs} -filter_complex {joined}concat=n=4 -c:v libx264 -g 50 -bf 3 {{0}}", path)
    return path


def _extract(clip: Path, folder: Path, **options: object) -> Manifest:
    policy = SamplingPolicy(**options)  # type: ignore[arg-type]
    return extract_to_folder(clip, folder, policy, local_config())


def _times(manifest: Manifest) -> list[float]:
    return [round(frame.pts_seconds, 3) for frame in manifest.frames]


def test_scenes_are_listed_whatever_the_strategy(scenes_clip: Path, tmp_path: Path) -> None:
    for strategy in ("uniform", "keyframe"):
        manifest = _extract(scenes_clip, tmp_path / strategy, strategy=strategy, scene_detector="content")
        assert manifest.scene_count == 4
        assert manifest.scenes is not None
        assert [scene.start_seconds for scene in manifest.scenes] == [0, 2, 3, 5]
        assert [scene.end_seconds for scene in manifest.scenes] == [2, 3, 5, 6]
    assert _extract(scenes_clip, tmp_path / "off").scenes is None


def test_looking_for_scenes_changes_no_frame(scenes_clip: Path, tmp_path: Path) -> None:
    with_scenes = _extract(scenes_clip, tmp_path / "with", scene_detector="adaptive", interval_seconds=0.5)
    without = _extract(scenes_clip, tmp_path / "without", interval_seconds=0.5)
    assert [frame.sha256 for frame in with_scenes.frames] == [frame.sha256 for frame in without.frames]


@pytest.mark.parametrize(
    ("scene_frame", "times"), [("first", [0, 2, 3, 5]), ("middle", [0.96, 2.48, 3.96, 5.48])]
)
def test_one_frame_stands_for_each_scene(
    scenes_clip: Path, tmp_path: Path, scene_frame: str, times: list[float]
) -> None:
    manifest = _extract(scenes_clip, tmp_path / "out", strategy="scene", scene_frame=scene_frame)
    assert _times(manifest) == times
    assert [frame.slot for frame in manifest.frames] == [0, 1, 2, 3]
    assert manifest.scene_count == 4


def test_the_sharpest_frame_of_a_scene_is_sharper_than_its_neighbours(clip_dir: Path, tmp_path: Path) -> None:
    clip = clip_dir / "focus.mp4"
    blur = "gblur=sigma=8:enable=not(between(t\\,1.2\\,1.6))"
    clips.ffmpeg(
        f"-f lavfi -i mandelbrot=size=320x240:rate=25 -t 3 -vf {blur},format=yuv420p -c:v libx264 {{0}}", clip
    )
    (time,) = _times(
        _extract(clip, tmp_path / "out", strategy="scene", scene_frame="sharpest", scene_threshold=200.0)
    )
    assert 1.2 <= time <= 1.6


def test_a_single_shot_is_one_scene_and_one_frame(plain_clip: Path, tmp_path: Path) -> None:
    manifest = _extract(plain_clip, tmp_path / "out", strategy="scene", scene_frame="first")
    assert (manifest.scene_count, _times(manifest)) == (1, [0.0])


def test_max_frames_does_not_hide_scenes(scenes_clip: Path, tmp_path: Path) -> None:
    manifest = _extract(scenes_clip, tmp_path / "out", max_frames=2, scene_detector="content")
    assert (len(manifest.frames), manifest.scene_count) == (2, 4)


def test_keyframes_of_a_file_without_times_have_their_scenes_too(scenes_clip: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.h264"
    clips.ffmpeg("-i {0} -c copy {1}", scenes_clip, raw)
    manifest = _extract(raw, tmp_path / "out", strategy="keyframe", scene_detector="content")
    assert manifest.scene_count == 4
    assert manifest.scenes == _extract(raw, tmp_path / "uniform", scene_detector="content").scenes


@pytest.mark.parametrize("strategy", ["uniform", "keyframe", "scene"])
def test_measures_are_in_the_manifest(scenes_clip: Path, tmp_path: Path, strategy: str) -> None:
    manifest = _extract(scenes_clip, tmp_path / "out", strategy=strategy, measures=True)
    for frame in manifest.frames:
        assert frame.measures is not None
        assert 0 <= frame.measures.brightness <= 1
        assert len(frame.measures.perceptual_hash) == 16
    last = manifest.frames[-1].measures
    assert last is not None
    assert last.blank
    assert last.sharpness < 1


def test_skipped_frames_leave_the_numbers_of_the_others_alone(scenes_clip: Path, tmp_path: Path) -> None:
    manifest = _extract(scenes_clip, tmp_path / "out", skip_similar=6)
    assert manifest.frames[0].index == 0
    assert 3 <= len(manifest.frames) < 6
    assert all(frame.key == f"{frame.index:06d}.jpg" for frame in manifest.frames)
    assert all(frame.slot == frame.index == round(frame.pts_seconds) for frame in manifest.frames)
    shown = _extract(scenes_clip, tmp_path / "blank", skip_blank=True)
    assert [frame.index for frame in shown.frames] == [0, 1, 2, 3, 4]


def _frame(index: int, perceptual_hash: int, *, blank: bool = False) -> Frame:
    measures = FrameMetrics(1.0, 0.5, f"{perceptual_hash:016x}", blank)
    return Frame(index, index, float(index), b"", 2, 2, measures)


def test_similar_means_like_the_last_one_that_was_kept() -> None:
    frames = [_frame(0, 0b0), _frame(1, 0b1), _frame(2, 0b11), _frame(3, 0b111), _frame(4, 0b110)]
    kept = drop_redundant(frames, SamplingPolicy(skip_similar=1))
    assert [frame.index for frame in kept] == [0, 2, 4]
    assert hamming("3", "6") == 2


def test_a_video_of_blank_frames_still_gives_one() -> None:
    frames = [_frame(index, 0, blank=True) for index in range(3)]
    assert [frame.index for frame in drop_redundant(frames, SamplingPolicy(skip_blank=True))] == [0]


@pytest.mark.parametrize("interval", [0.5, 2.0])
def test_keyframes_far_apart_are_noted(plain_clip: Path, tmp_path: Path, interval: float) -> None:
    manifest = _extract(plain_clip, tmp_path / "out", strategy="keyframe", interval_seconds=interval)
    assert bool(manifest.notes) == (interval == 0.5)
