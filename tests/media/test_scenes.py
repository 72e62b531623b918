"""Cuts are those of PySceneDetect's command, with the actual timestamps of the frames."""

import csv
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.frames import Scene
from extractor.domain.policy import Detector
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.filters import Filter
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.scenes.boundaries import Cut, scenes_between
from extractor.media.scenes.cut_detector import CutDetector
from extractor.media.scenes.downscale import downscale_spec
from tests.support.media import clips

_COMMANDS: dict[Detector, str] = {
    "content": "detect-content",
    "adaptive": "detect-adaptive",
    "threshold": "detect-threshold",
    "hash": "detect-hash",
    "histogram": "detect-hist",
}

_SIZES = {
    "point sampling": (768, 432),
    "blending by halves": (480, 512),
    "blending": (640, 368),
    "full frames": (640, 272),
    "no scaling": (240, 180),
}

_SHOTS = (
    ("mandelbrot=size=320x240", 2.0, ""),
    ("testsrc2=size=320x240", 1.2, ",hue=h=40"),
    ("gradients=size=320x240:speed=0.05:seed=3", 0.3, ""),
    ("life=size=320x240:mold=10:ratio=0.2:death_color=0xC83232:life_color=0x00FF00:seed=5", 1.0, ""),
    ("testsrc2=size=320x240", 1.4, ",eq=brightness=0.3:saturation=0.4,fade=out:st=0.9:d=0.4"),
    ("mandelbrot=size=320x240:start_scale=1", 1.6, ",negate,fade=in:d=0.4"),
    ("smptebars=size=320x240", 1.0, ""),
)
"""Cuts of different strength, one shot that is too short, and a fade through black."""


def _film(path: Path, size: tuple[int, int], rate: str = "25") -> Path:
    sources = " ".join(f"-f lavfi -t {seconds} -i {shot}:rate=30" for shot, seconds, _ in _SHOTS)
    shots = ";".join(
        f"[{number}]fps={rate},scale={size[0]}:{size[1]},setsar=1,format=yuv420p{look}[shot{number}]"
        for number, (_, _, look) in enumerate(_SHOTS)
    )
    order = "".join(f"[shot{number}]" for number in range(len(_SHOTS)))
    joined = f"{order}concat=n={len(_SHOTS)}"
    clips.ffmpeg(f"{sources} -filter_complex {shots};{joined} -c:v {clips.ENCODED} {{0}}", path)
    return path


@pytest.fixture(scope="module", params=list(_SIZES.values()), ids=list(_SIZES))
def film(request: pytest.FixtureRequest, clip_dir: Path) -> tuple[Path, tuple[int, int]]:
    width, height = request.param
    return _film(clip_dir / f"film-{width}x{height}.mp4", (width, height)), (width, height)


def _stream_frames(clip: Path, filters: Sequence[Filter], frame_bytes: int) -> Iterator[tuple[bytes, float]]:
    """Yield each downscaled frame with its timestamp."""
    graph = ",".join(
        f"{name}=" + ":".join(f"{key}={value}" for key, value in options.items()) for name, options in filters
    )

    def argv(pipes: object) -> list[str]:
        assert isinstance(pipes, dict)
        times = f"-stats_enc_pre:v {pipes['frames']} -stats_enc_pre_fmt:v {{t}}"
        raw = f"-filter:v {graph} -fps_mode passthrough -enc_time_base filter {times} -f rawvideo pipe:1"
        return [find_ffmpeg(), "-v", "error", "-nostdin", "-i", f"file:{clip}", *raw.split()]

    with run_ffmpeg(argv, ("frames",), ProcessLimits(time.monotonic() + 60, 60, 2_000_000_000)) as child:
        while (line := child.line("frames")) is not None:
            frame = child.read_exactly("stdout", frame_bytes)
            assert frame is not None
            yield frame, float(line)


def _find_cuts(
    clip: Path, size: tuple[int, int], rate: Fraction, detector: Detector, threshold: float | None = None
) -> tuple[Cut, ...]:
    stream = downscale_spec(*size, "yuv420p")
    finder = CutDetector(stream, rate, detector, threshold)
    for frame, seconds in _stream_frames(clip, stream.filters, stream.frame_bytes):
        finder.feed(frame, seconds)
    return finder.finish()


def _cuts_of_command(clip: Path, out: Path, *command: str) -> list[tuple[int, float]]:
    """Return the cuts of `scenedetect`: number and time of the first frame of each later scene."""
    table = ["list-scenes", "--skip-cuts", "--output", str(out), "--filename", "scenes.csv"]
    argv = [sys.executable, "-m", "scenedetect", "-q", "-i", str(clip), *command, *table]
    subprocess.run(argv, check=True, capture_output=True)
    with (out / "scenes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [(int(row["Start Frame"]) - 1, float(row["Start Time (seconds)"])) for row in rows[1:]]


@pytest.mark.parametrize("detector", _COMMANDS)
def test_cuts_are_those_of_the_command_to_the_frame(
    film: tuple[Path, tuple[int, int]], detector: Detector, tmp_path: Path
) -> None:
    clip, size = film
    expected = _cuts_of_command(clip, tmp_path, _COMMANDS[detector])
    assert expected, "a clip without cuts shows nothing"
    found = _find_cuts(clip, size, Fraction(25), detector)
    assert [cut.frame for cut in found] == [frame for frame, _ in expected]
    assert [cut.seconds for cut in found] == pytest.approx([seconds for _, seconds in expected], abs=1e-3)


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(30), Fraction(60)], ids=str)
def test_any_constant_rate_gives_the_frames_of_the_command(
    clip_dir: Path, tmp_path: Path, rate: Fraction
) -> None:
    clip = _film(clip_dir / f"film-{rate.numerator}.mp4", (640, 360), str(rate))
    expected = [frame for frame, _ in _cuts_of_command(clip, tmp_path, "detect-content")]
    assert len(expected) > 3
    assert [cut.frame for cut in _find_cuts(clip, (640, 360), rate, "content")] == expected


@pytest.mark.parametrize(
    ("detector", "threshold"),
    [("content", 100), ("adaptive", 40), ("threshold", 40), ("hash", 0.5), ("histogram", 0.9)],
)
def test_the_threshold_is_the_one_of_the_command(
    clip_dir: Path, tmp_path: Path, detector: Detector, threshold: float
) -> None:
    size = (240, 180)
    clip = _film(clip_dir / f"threshold-{detector}.mp4", size)
    expected = _cuts_of_command(clip, tmp_path, _COMMANDS[detector], "--threshold", str(threshold))
    found = _find_cuts(clip, size, Fraction(25), detector, threshold)
    assert found != _find_cuts(clip, size, Fraction(25), detector)
    assert [cut.frame for cut in found] == [frame for frame, _ in expected]


def _variable_rate_film(path: Path) -> Path:
    """Make a clip with missing frames, new shots at 1.2 s, 3.0 s and (after a gap from 3.8 s on) 4.6 s, and
    black from 5.6 to 6.2 s."""
    looks = "negate=enable='between(t,1.2,2.99)',hue=h=120:s=3:enable='gte(t,4.59)'"
    black = "drawbox=t=fill:color=black:enable='between(t,5.59,6.19)'"
    kept = (
        "select='not(between(t,1.3,2.5)*mod(n,5))*not(between(t,3.8,4.59))*not(between(t,5.7,6.1)*mod(n,3))'"
    )
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=640x360:rate=25:duration=8 -vf {looks},{black},{kept}"
        " -fps_mode passthrough -enc_time_base 1:90000 -video_track_timescale 90000"
        f" -c:v {clips.ENCODED} {{0}}",
        path,
    )
    return path


def test_variable_frame_rate_gives_the_true_times(clip_dir: Path) -> None:
    clip = _variable_rate_film(clip_dir / "vfr-film.mp4")
    cuts = _find_cuts(clip, (640, 360), Fraction(25), "content", threshold=20)
    times = [cut.seconds for cut in cuts]
    assert times == pytest.approx([1.2, 3.0, 4.6, 5.6, 6.2], abs=1e-4)
    before = [cut.frame for cut in cuts]
    assert before[1] < 75 - 20, "frames are counted as they are, not as a constant rate would have them"


def test_a_fade_is_placed_on_a_frame_that_is_there(clip_dir: Path) -> None:
    clip = _variable_rate_film(clip_dir / "vfr-fade.mp4")
    stream = downscale_spec(640, 360, "yuv420p")
    shown = [seconds for _, seconds in _stream_frames(clip, stream.filters, stream.frame_bytes)]
    (cut,) = _find_cuts(clip, (640, 360), Fraction(25), "threshold")
    assert cut.seconds == shown[cut.frame]
    assert 5.6 < cut.seconds < 6.2


@pytest.mark.parametrize("detector", _COMMANDS)
def test_a_single_shot_is_one_scene_and_not_none(clip_dir: Path, detector: Detector) -> None:
    clip = clips.plain(clip_dir / f"shot-{detector}.mp4", 1, pictures="mandelbrot=size=320x240:rate=25")
    cuts = _find_cuts(clip, (320, 240), Fraction(25), detector)
    assert scenes_between(cuts, 0.0, 1.0) == (Scene(0, 0.0, 1.0, first_frame=0),)


def test_nothing_but_black_is_one_scene(clip_dir: Path) -> None:
    """The fade detector reports a cut at the first frame here, which would make an empty scene."""
    clip = clips.plain(clip_dir / "black.mp4", 2, pictures="color=black:size=320x240:rate=25")
    cuts = _find_cuts(clip, (320, 240), Fraction(25), "threshold")
    assert cuts == (Cut(0, 0.0),)
    assert len(scenes_between(cuts, 0.0, 2.0)) == 1


def test_a_video_without_frames_has_no_cuts() -> None:
    assert CutDetector(downscale_spec(320, 240, "yuv420p"), Fraction(25), "threshold").finish() == ()


def test_the_stream_keeps_its_size_when_the_video_changes_its_own(clip_dir: Path) -> None:
    clip = clips.changing_size(clip_dir / "changing.ts")
    for size in ((320, 240), (160, 120)):
        stream = downscale_spec(*size, "yuv420p")
        assert len(list(_stream_frames(clip, stream.filters, stream.frame_bytes))) == 100


@pytest.mark.parametrize("size", [(768, 432), (360, 768), (1280, 720), (480, 768)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p"])
@pytest.mark.parametrize("colours", ["bt709", "smpte170m", "unknown"])
def test_points_chosen_before_the_conversion_are_those_chosen_after_it(
    clip_dir: Path, size: tuple[int, int], pixel_format: str, colours: str
) -> None:
    clip = clip_dir / f"points-{size[0]}-{pixel_format}-{colours}.mkv"
    noise = f"mandelbrot=size={size[0]}x{size[1]}:rate=5,noise=alls=60:allf=t,format={pixel_format}"
    clips.ffmpeg(f"-f lavfi -i {noise},setparams=colorspace={colours} -frames:v 3 -c:v ffv1 {{0}}", clip)
    films = []
    for known_format in (pixel_format, "unknown"):
        stream = downscale_spec(*size, known_format)
        finder = CutDetector(stream, Fraction(25))
        films.append(
            [
                finder.feed(*frame).tobytes()
                for frame in _stream_frames(clip, stream.filters, stream.frame_bytes)
            ]
        )
    assert len(films[0]) == 3
    assert films[0] == films[1]


def test_small_frames_are_downscaled_exactly_like_those_of_pyscenedetect(clip_dir: Path) -> None:
    clip = clip_dir / "small.mp4"
    clips.ffmpeg(f"-f lavfi -i mandelbrot=size=360x480:rate=5 -frames:v 4 -c:v {clips.ENCODED} {{0}}", clip)
    stream = downscale_spec(360, 480, "yuv420p")
    finder = CutDetector(stream, Fraction(5))
    found = [
        finder.feed(*frame).tobytes() for frame in _stream_frames(clip, stream.filters, stream.frame_bytes)
    ]
    reader = cv2.VideoCapture(str(clip))
    expected = [cv2.resize(reader.read()[1], (192, 256), interpolation=cv2.INTER_LINEAR) for _ in range(4)]
    assert found == [picture.tobytes() for picture in expected]


def test_points_are_chosen_first_where_colours_are_shared() -> None:
    assert [downscale_spec(1280, 720, name).repeats for name in ("yuv420p", "yuv444p", "unknown")] == [
        2,
        1,
        1,
    ]
    assert downscale_spec(256, 144, "yuv420p").repeats == 1, "nothing to choose"
    assert downscale_spec(1920, 1080, "yuv420p").repeats == 1, "no points, but mixtures"


@given(st.integers(1, 8192), st.integers(1, 8192))
def test_the_stream_is_never_larger_than_what_pyscenedetect_looks_at(width: int, height: int) -> None:
    stream = downscale_spec(width, height, "yuv420p")
    assert max(stream.width, stream.height) == min(256, max(width, height))
    assert min(stream.width, stream.height) >= 1


@given(st.lists(st.floats(0.01, 99.99), unique=True).map(sorted))
def test_scenes_follow_each_other_from_start_to_end(times: list[float]) -> None:
    scenes = scenes_between([Cut(number + 1, at) for number, at in enumerate(times)], 0.0, 100.0)
    assert [scene.index for scene in scenes] == list(range(len(times) + 1))
    assert [scene.start_seconds for scene in scenes] == [0.0, *times]
    assert [scene.end_seconds for scene in scenes] == [*times, 100.0]
    assert [scene.first_frame for scene in scenes] == list(range(len(times) + 1))


def test_heavy_libraries_wait_until_they_are_asked_for() -> None:
    check = (
        "import sys, extractor.media.scenes.boundaries, extractor.media.scenes.downscale;"
        "sys.exit(bool({'cv2', 'numpy', 'scenedetect'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", check], check=True, cwd=Path(__file__).parents[2])
