"""The strategy `cover` takes one frame: sharp, no blank or fade, near the middle of the longest scene."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from extractor import extract_frames
from extractor.media.cover import cover_frame
from extractor.media.frame_times import FrameTimes, ScenesInPart
from tests.support.media import clips


@pytest.mark.parametrize("ending", ["mp4", "avi"])
def test_the_cover_is_of_the_longest_scene_that_shows_something(
    clip_dir: Path, tmp_path: Path, ending: str
) -> None:
    """A scene of 1 s, black for 4 s, and a scene of 3 s that fades in for a second and is blurred at last."""
    clip = clip_dir / f"cover.{ending}"
    rate = "select=not(between(mod(n\\,25)\\,4\\,9))" if ending == "mp4" else "null"
    graph = (
        "smptebars=s=96x64:d=1:r=25[a];color=black:s=96x64:d=4:r=25[b];"
        "testsrc2=s=96x64:d=3:r=25,gblur=4:enable=gt(t\\,2),fade=in:d=1[c];"
        f"[a][b][c]concat=n=3,{rate}"
    )
    tag = "-vtag H264" if ending == "avi" else ""
    clips.ffmpeg(f"-filter_complex {graph} -c:v libx264 -bf 2 -fps_mode passthrough {tag} {{0}}", clip)
    (frame,) = extract_frames(clip, tmp_path / "a", strategy="cover")
    assert 5.7 <= frame.pts_seconds <= 7
    (again,) = extract_frames(clip, tmp_path / "b", strategy="cover")
    assert again.path.read_bytes() == frame.path.read_bytes()
    with av.open(str(clip)) as container:
        shown = [picture.to_ndarray(format="gray") for picture in container.decode(video=0)]
    with av.open(str(frame.path)) as image:
        stored = next(image.decode(video=0)).to_ndarray(format="gray")
    likeness = [np.abs(picture.astype(int) - stored).mean() for picture in shown]
    assert shown[int(np.argmin(likeness))].std() > 0.8 * max(picture.std() for picture in shown[-60:])
    (part,) = extract_frames(clip, tmp_path / "c", strategy="cover", end=1.0)
    assert part.pts_seconds < 1


def test_a_long_scene_without_details_is_not_blank(clip_dir: Path, tmp_path: Path) -> None:
    clip = clip_dir / "cover-smooth.mp4"
    smooth = "gradients=s=96x64:d=3:r=25:c0=black:c1=white:speed=0.00001:seed=1"
    clips.ffmpeg(f"-filter_complex testsrc2=s=96x64:d=1:r=25[a];{smooth}[b];[a][b]concat {{0}}", clip)
    (frame,) = extract_frames(clip, tmp_path, strategy="cover")
    assert frame.pts_seconds > 1


def _cover(scenes: list[list[tuple[float, float]]], pts: list[int] | None = None) -> int:
    """Return the best of frames that have this sharpness and contrast, by scene."""
    pictures = [picture for scene in scenes for picture in scene]
    ends = [sum(map(len, scenes[: number + 1])) for number in range(len(scenes))]
    numbers = {
        n: range(end - len(scene), end) for n, (end, scene) in enumerate(zip(ends, scenes, strict=True))
    }
    frames = FrameTimes(pts or range(len(pictures)), Fraction(1, 25), 0.0)
    return cover_frame(frames, ScenesInPart(numbers, *map(list, zip(*pictures, strict=True))))


def test_the_sharpest_frame_wins_if_all_are_in_the_middle() -> None:
    assert _cover([[(5.0, 50.0), (5.0, 50.0), (9.0, 50.0), (5.0, 50.0), (5.0, 50.0)]]) == 2
    assert _cover([[(5.0, 50.0)] * 3]) == 1
    assert _cover([[(5.0, 50.0)] * 4]) == 1, "of equals the earliest"


def test_being_near_the_middle_outweighs_a_little_sharpness() -> None:
    assert _cover([[(6.0, 50.0), (5.0, 50.0), (5.0, 50.0), (5.0, 50.0), (5.0, 50.0)]]) == 2
    assert _cover([[(11.0, 50.0), (5.0, 50.0), (5.0, 50.0), (5.0, 50.0), (5.0, 50.0)]]) == 0


def test_frames_of_a_fade_and_blank_frames_do_not_count() -> None:
    assert _cover([[(9.0, 20.0), (9.0, 20.0), (5.0, 50.0), (5.0, 50.0), (5.0, 50.0)]]) == 3
    assert _cover([[(9.0, 3.0)] * 9, [(5.0, 50.0)] * 3]) == 10
    assert _cover([[(0.0, 0.0)] * 3, [(0.0, 0.0)] * 5]) == 3, "there is nothing else"


def test_the_longest_scene_is_that_with_the_most_time_and_not_the_most_frames() -> None:
    assert _cover([[(5.0, 50.0)] * 4, [(5.0, 50.0)] * 2], [0, 1, 2, 3, 4, 50]) == 4
