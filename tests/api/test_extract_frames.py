"""`extract_frames` takes every option by keyword or as a policy, and refuses what makes no sense at once."""

from pathlib import Path
from typing import Any

import pytest

from extractor import SamplingPolicy, extract_frames
from extractor.domain.manifest import parse_manifest


def test_the_list_has_the_manifest_that_is_written(holiday: Path) -> None:
    frames = extract_frames(holiday, "out")
    assert isinstance(frames, list)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert frames.manifest == parse_manifest(Path("out/manifest.json").read_bytes())


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        ({"fps": 2}, SamplingPolicy(interval_seconds=0.5)),
        ({"timestamps": [0.5, 3]}, SamplingPolicy(strategy="timestamps", timestamps_seconds=(0.5, 3.0))),
        (
            {"strategy": "timestamps", "timestamps": (1.0,)},
            SamplingPolicy(strategy="timestamps", timestamps_seconds=(1.0,)),
        ),
        (
            {"max_frames": 2, "max_frames_mode": "spread"},
            SamplingPolicy(max_frames=2, max_frames_mode="spread"),
        ),
        (
            {"strategy": "scene", "scene_frame": "first"},
            SamplingPolicy(strategy="scene", scene_frame="first"),
        ),
        ({"measures": True, "skip_similar": 2}, SamplingPolicy(measures=True, skip_similar=2)),
        (
            {"format": "webp", "quality": 80, "max_width": 64},
            SamplingPolicy(image_format="webp", quality=80, max_width=64),
        ),
    ],
    ids=str,
)
def test_options_by_keyword_are_those_of_a_policy(
    holiday: Path, options: dict[str, Any], policy: SamplingPolicy
) -> None:
    one = extract_frames(holiday, "one", **options)
    other = extract_frames(holiday, "other", policy=policy)
    assert one.manifest.policy_fingerprint == other.manifest.policy_fingerprint
    assert [frame.sha256 for frame in one.manifest.frames] == [
        frame.sha256 for frame in other.manifest.frames
    ]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"frame_intervall": 2}, TypeError, "there is no option frame_intervall"),
        ({"code": "x"}, TypeError, "there is no option code"),
        ({"fps": 2, "frame_interval": 2}, ValueError, "frame_interval and fps exclude each other"),
        ({"fps": 0}, ValueError, "fps"),
        ({"format": "gif"}, ValueError, "format"),
        ({"measures": "yes"}, ValueError, "measures"),
        ({"timestamps": 5}, ValueError, "timestamps"),
        ({"strategy": "timestamps"}, ValueError, "timestamps"),
        ({"strategy": "sometimes"}, ValueError, "strategy"),
        ({"frame_interval": 2, "timestamps": [1]}, ValueError, "has no effect"),
        ({"scene_frame": "first"}, ValueError, "has no effect"),
        ({"policy": SamplingPolicy(), "fps": 2}, ValueError, "policy"),
        ({"policy": SamplingPolicy(), "quality": 80}, ValueError, "policy"),
        ({"policy": SamplingPolicy(quality=0)}, ValueError, "quality"),
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_refused_before_any_work(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        extract_frames(tmp_path / "no-video.mp4", tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_tar_and_a_storyboard_are_made_on_request(holiday: Path) -> None:
    frames = extract_frames(holiday, "out", output="tar", storyboard=True)
    assert {frame.path for frame in frames} == {Path("out/frames.tar")}
    assert frames[0].path.is_file()
    assert {extra.kind for extra in frames.manifest.extras} >= {"contact_sheet", "thumbnails"}


def test_progress_is_told_after_each_frame(holiday: Path) -> None:
    told: list[tuple[float, float]] = []
    extract_frames(holiday, "out", progress=lambda done, whole: told.append((done, whole)))
    assert told == [(float(second), 5.0) for second in range(5)]
