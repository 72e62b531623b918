"""The index and the images of a single pass are identical to those of separate runs."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from extractor.domain.frames import DecodeLimits
from extractor.domain.manifest import Manifest
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode import single_pass
from extractor.media.decode.single_pass import SinglePass, try_single_pass
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.strategies import Keyframe, Timestamps, Uniform
from extractor.pipeline.local import extract_to_folder, local_config
from tests.support.media import clips

_HLG = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc"
_X265 = "-c:v libx265 -x265-params log-level=none"

# name, what FFmpeg makes it with
_CLIPS: Sequence[tuple[str, str]] = (
    ("closed.mp4", "-c:v libx264 -g 20 -bf 3"),
    ("open_gop.mp4", "-c:v libx264 -g 20 -bf 3 -x264-params open-gop=1:scenecut=0"),
    ("intra_refresh.mp4", "-c:v libx264 -g 20 -x264-params intra-refresh=1"),
    ("intra_refresh.ts", "-c:v libx264 -g 20 -x264-params intra-refresh=1"),
    ("intra_only.mp4", "-c:v libx264 -g 1"),
    ("hevc_open.mp4", f"{_X265}:keyint=15:min-keyint=15:open-gop=1:scenecut=0"),
    ("hevc_closed.mkv", f"{_X265}:keyint=15:open-gop=0"),
    ("hevc.ts", f"{_X265}:keyint=15 -output_ts_offset 16"),
    ("vp8.webm", "-c:v libvpx -g 20 -auto-alt-ref 1 -lag-in-frames 16 -deadline good -cpu-used 5"),
    ("vp9.webm", "-c:v libvpx-vp9 -g 20 -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 5"),
    ("svt.mp4", "-c:v libsvtav1 -preset 12 -g 20 -svtav1-params lp=1"),
    ("mpeg4.avi", "-c:v mpeg4 -g 12 -bf 2"),
    ("mpeg4.mp4", "-c:v mpeg4 -g 12 -bf 2"),
    ("mpeg2.ts", "-c:v mpeg2video -g 15 -bf 2"),
    ("mjpeg.mov", "-c:v mjpeg -q:v 20"),
    ("theora.ogv", "-c:v libtheora -g 20"),
    ("raw.h264", "-c:v libx264 -g 20 -bf 3"),
    ("fragmented.mp4", "-c:v libx264 -g 20 -bf 3 -movflags frag_keyframe+empty_moov"),
    ("no_edit_list.mp4", "-c:v libx264 -g 20 -bf 3 -use_editlist 0"),
    ("negative.mp4", "-c:v libx264 -g 20 -bf 3 -use_editlist 0 -movflags negative_cts_offsets"),
    ("variable.mp4", "-vf select=not(mod(n\\,7))+lt(t\\,1) -fps_mode passthrough -c:v libx264 -g 20 -bf 3"),
    ("drop_frame.mp4", "-r 30000/1001 -c:v libx264 -g 20 -bf 3"),
    ("interlaced.mp4", "-vf interlace -c:v libx264 -g 20 -flags +ilme+ildct"),
    ("hlg.mp4", f"-pix_fmt yuv420p10le -vf {_HLG} {_X265}"),
    ("anamorphic.mp4", "-vf setsar=4/3 -c:v libx264 -g 20 -bf 3"),
)
_POLICIES = (
    SamplingPolicy(strategy="keyframe"),
    SamplingPolicy(interval_seconds=1 / 3),
    SamplingPolicy(
        strategy="timestamps",
        timestamps_seconds=(0.1, 0.12, 1.0, 1001 / 1000, 1.99, 77),
        image_format="webp",
        max_width=64,
        measures=True,
    ),
)


def _clip(clip_dir: Path, name: str, options: str) -> Path:
    path = clip_dir / f"single-{name}"
    if not path.exists():
        clips.ffmpeg(
            f"-f lavfi -i testsrc2=size=128x96:rate=25:duration=2 -pix_fmt yuv420p {options} {{0}}", path
        )
    return path


def _extract(
    clip: Path, folder: Path, policy: SamplingPolicy, *, plan: bool = True
) -> tuple[Manifest, list[bytes]]:
    manifest = extract_to_folder(clip, folder, policy, replace(local_config(), plan=plan))
    images = [(folder / frame.key).read_bytes() for frame in manifest.frames]
    frames = tuple(replace(frame, etag=None) for frame in manifest.frames)
    return replace(manifest, timings={}, frames=frames), images


def _try(clip: Path, policy: SamplingPolicy) -> SinglePass | None:
    limits = DecodeLimits(threads=1)
    budget = ProcessLimits(time.monotonic() + 60, limits.stall_seconds, limits.memory_bytes)
    return try_single_pass(DecoderInput(clip, limits, find_ffmpeg()), policy, budget)


def _let_any_size_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for strategy in (Keyframe, Timestamps, Uniform):
        monkeypatch.setattr(strategy, "single_pass_max_bytes", 1 << 30)


def _never(*_: object) -> None:
    return None


@pytest.mark.parametrize("policy", _POLICIES, ids=lambda policy: f"{policy.strategy}-{policy.image_format}")
@pytest.mark.parametrize(("name", "options"), _CLIPS, ids=lambda value: value if "." in value[:30] else "")
def test_a_single_pass_changes_nothing(
    clip_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: str,
    policy: SamplingPolicy,
) -> None:
    clip = _clip(clip_dir, name, options)
    _let_any_size_pass(monkeypatch)
    single = _extract(clip, tmp_path / "single", policy)
    monkeypatch.setattr("extractor.pipeline.selection.try_single_pass", _never)
    assert single == _extract(clip, tmp_path / "ordinary", policy)


@pytest.mark.parametrize(("name", "options"), _CLIPS, ids=lambda value: value if "." in value[:30] else "")
def test_keyframes_are_what_a_decode_of_everything_has_there(
    clip_dir: Path, tmp_path: Path, name: str, options: str
) -> None:
    """Also if keyframes depend on earlier frames (intra refresh) or on neighbours (interlacing)."""
    clip = _clip(clip_dir, name, options)
    policy = SamplingPolicy(strategy="keyframe")
    _, images = _extract(clip, tmp_path / "keyframes", policy)
    assert images
    assert images == _extract(clip, tmp_path / "everything", policy, plan=False)[1]


@pytest.mark.parametrize("policy", _POLICIES[:2], ids=lambda policy: policy.strategy)
@pytest.mark.parametrize(
    "name", ["closed.mp4", "hevc_open.mp4", "hevc.ts", "vp9.webm", "svt.mp4", "anamorphic.mp4"]
)
def test_most_small_files_need_a_single_pass(clip_dir: Path, name: str, policy: SamplingPolicy) -> None:
    clip = _clip(clip_dir, name, dict(_CLIPS)[name])
    found = _try(clip, policy)
    assert found is not None
    assert [slot for slot, _ in found.images] == [target.slot for target in found.schedule.targets or ()]


def _count_runs(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    runs: list[object] = []

    def run(*arguments: Any, **options: Any) -> Any:
        runs.append(arguments)
        return run_ffmpeg(*arguments, **options)

    for module in ("extractor.media.decode.single_pass", "extractor.media.decode.full"):
        monkeypatch.setattr(f"{module}.run_ffmpeg", run)
    for module in ("extractor.media.probe.packet_scan", "extractor.media.decode.planned"):
        monkeypatch.setattr(f"{module}.run_ffmpeg", run)
    return runs


@pytest.mark.parametrize("name", ["mpeg4.mp4", "small.avi"])
def test_a_codec_without_plans_needs_one_run_above_the_size_for_others(
    clip_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    clip = _clip(clip_dir, name, dict(_CLIPS).get(name, "-c:v mpeg4 -g 12"))
    monkeypatch.setattr(Uniform, "single_pass_max_bytes", clip.stat().st_size - 1)
    runs = _count_runs(monkeypatch)
    _extract(clip, tmp_path / "frames", SamplingPolicy())
    assert len(runs) == 1


@pytest.mark.parametrize("name", ["vp8.webm", "small.avi"])
def test_keyframes_of_small_pictures_without_colour_tags_need_one_run(
    clip_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    clip = _clip(clip_dir, name, dict(_CLIPS).get(name, "-c:v mpeg4 -g 12"))
    runs = _count_runs(monkeypatch)
    _extract(clip, tmp_path / "frames", SamplingPolicy(strategy="keyframe"))
    assert len(runs) == 1


@pytest.mark.parametrize("options", ["-bf 2", "-bf 0 -preset ultrafast"], ids=["reordered", "in order"])
def test_frames_of_h264_in_avi_without_times_need_one_run(
    clip_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    clip = _clip(clip_dir, f"h264{options.count('0')}.avi", f"-c:v libx264 {options} -vtag H264")
    monkeypatch.setattr(Uniform, "single_pass_max_bytes", clip.stat().st_size - 1)
    runs = _count_runs(monkeypatch)
    policy = SamplingPolicy(interval_seconds=0.3)
    single = _extract(clip, tmp_path / "single", policy)
    assert len(runs) == 1
    monkeypatch.setattr("extractor.pipeline.selection.try_single_pass", _never)
    assert single == _extract(clip, tmp_path / "ordinary", policy)


def test_keyframes_of_h264_in_avi_are_not_tried_in_a_single_pass(
    clip_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = _clip(clip_dir, "h264.avi", "-c:v libx264 -bf 2 -vtag H264")
    runs = _count_runs(monkeypatch)
    assert _try(clip, SamplingPolicy(strategy="keyframe")) is None
    assert not runs


@pytest.mark.parametrize("name", ["interlaced.mp4", "hlg.mp4"])
def test_pictures_that_need_other_filters_are_told_in_time(clip_dir: Path, name: str) -> None:
    clip = _clip(clip_dir, name, dict(_CLIPS)[name])
    assert all(_try(clip, policy) is None for policy in _POLICIES)


def test_a_change_of_size_midway_is_left_to_the_ordinary_way(
    clip_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_any_size_pass(monkeypatch)
    changing = clips.changing_size(clip_dir / "single-size.ts")
    clip = tmp_path / "size.mp4"
    clips.ffmpeg("-i {0} -c copy {1}", changing, clip)
    assert all(_try(clip, policy) is None for policy in _POLICIES)


@pytest.mark.parametrize("damage", ["rot", "cut", "text", "sound"])
def test_what_is_wrong_with_a_file_is_left_to_the_ordinary_way(
    clip_dir: Path, sound_clip: Path, tmp_path: Path, damage: str
) -> None:
    source = tmp_path / "source"
    if damage == "rot":
        clips.bit_rot(source, sound_clip, every_bytes=2_000)
    elif damage == "cut":
        clips.cut_off(source, 0.6, sound_clip)
    elif damage == "text":
        clips.playlist(source, sound_clip)
    else:
        clips.sound_only(tmp_path / "sound.m4a").rename(source)
    assert all(_try(source, policy) is None for policy in _POLICIES)


def test_images_wait_only_while_they_are_few(clip_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = _clip(clip_dir, "closed.mp4", dict(_CLIPS)["closed.mp4"])
    monkeypatch.setattr(single_pass, "_MAX_IMAGE_BYTES", 20_000)
    assert _try(clip, SamplingPolicy(interval_seconds=0.04)) is None


def test_without_plans_there_is_no_single_pass(
    plain_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extractor.pipeline.selection.try_single_pass", pytest.fail)
    tools = local_config()
    unplanned = type(tools)(tools.ffmpeg, tools.limits, tools.upload_workers, plan=False)
    assert extract_to_folder(plain_clip, tmp_path / "out", SamplingPolicy(), unplanned).frames


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
@pytest.mark.parametrize("policy", [SamplingPolicy(), SamplingPolicy(strategy="keyframe")])
def test_colour_tags_that_change_are_those_of_each_frame(
    tmp_path: Path, name: str, policy: SamplingPolicy
) -> None:
    """The matrix of the first frames must not be that of all."""
    for code in (1, 6):  # BT.709, BT.601
        encoded = f"-c:v libx264 -g 10 -bf 0 -bsf:v h264_metadata=matrix_coefficients={code}"
        clips.ffmpeg(
            f"-f lavfi -i testsrc2=size=320x240:rate=10:duration=2 {encoded} {{0}}",
            tmp_path / f"{code}.h264",
        )
    both = tmp_path / "both.h264"
    both.write_bytes((tmp_path / "1.h264").read_bytes() + (tmp_path / "6.h264").read_bytes())
    clip = tmp_path / name
    clips.ffmpeg("-fflags +genpts -r 10 -i {0} -c copy {1}", both, clip)
    images = []
    for plan in (True, False):
        folder = tmp_path / f"out-{plan}"
        manifest = extract_to_folder(clip, folder, policy, replace(local_config(), plan=plan))
        images.append([(folder / frame.key).read_bytes() for frame in manifest.frames])
    assert images[0] == images[1]
    first, second = images[0][:2], images[0][2:]
    assert len(first) == len(second)
    assert all(one != other for one, other in zip(first, second, strict=True))
