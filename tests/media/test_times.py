"""Every frame has its actual timestamp, in every container."""

import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.sampling import EveryInterval, find_targets
from extractor.pipeline.local import extract_to_folder, local_config
from tests.fuzz.hostile import with_body
from tests.support.media import clips
from tests.support.media.decoding import Decode


def test_one_frame_for_each_second_at_its_second(decode: Decode, plain_clip: Path) -> None:
    assert decode(plain_clip).times == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]


@pytest.mark.parametrize(
    ("interval", "times"),
    [
        (0.5, [0.0, 0.52, 1.0, 1.52, 2.0, 2.52, 3.0, 3.52]),  # 0.5 s lies between two frames: the later
        (1.5, [0.0, 1.52, 3.0]),
        (1 / 25, [number / 25 for number in range(100)]),
        (100, [0.0]),
    ],
)
def test_an_sample_time_is_answered_by_the_first_frame_at_or_after_it(
    decode: Decode, plain_clip: Path, interval: float, times: list[float]
) -> None:
    found = decode(plain_clip, SamplingPolicy(interval_seconds=interval)).times
    assert found == list(enumerate(times))


def test_an_interval_shorter_than_a_frame_takes_each_frame_once(decode: Decode, plain_clip: Path) -> None:
    frames = decode(plain_clip, SamplingPolicy(interval_seconds=0.01)).frames
    assert len(frames) == 100
    assert [frame.slot for frame in frames][:4] == [0, 1, 5, 9]


@pytest.mark.failure_row(21)
def test_variable_frame_rate_gives_the_times_of_the_frames_and_not_of_a_rate(
    decode: Decode, clip_dir: Path
) -> None:
    decoded = decode(clips.variable_rate(clip_dir / "vfr.mp4"))
    assert decoded.times == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0), (4, 4.6), (5, 5.0)]


@pytest.mark.failure_row(18)
@pytest.mark.parametrize("frames", [1, 2, 10])
def test_a_clip_of_any_length_gives_at_least_one_frame(decode: Decode, clip_dir: Path, frames: int) -> None:
    clip = clips.plain(clip_dir / f"short-{frames}.mp4", frames / 25)
    assert decode(clip).times == [(0, 0.0)]


@pytest.mark.parametrize(
    ("name", "muxing"),
    [
        ("start.ts", "-output_ts_offset 16 -f mpegts"),
        ("start.mkv", "-output_ts_offset 7.5"),
        ("fragmented.mp4", "-movflags frag_keyframe+empty_moov"),
        ("b_frames.mp4", "-bf 3"),
        ("negative.mp4", "-bf 3 -use_editlist 0 -movflags +negative_cts_offsets"),
    ],
)
def test_times_count_from_the_first_frame_wherever_the_file_starts(
    decode: Decode, clip_dir: Path, name: str, muxing: str
) -> None:
    clip = clip_dir / name
    clips.ffmpeg(f"-f lavfi -i {clips.PICTURES}:duration=3 -c:v libx264 -g 25 {muxing} {{0}}", clip)
    assert decode(clip).times == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_frames_that_an_edit_list_hides_do_not_count(
    decode: Decode, clip_dir: Path, plain_clip: Path
) -> None:
    edited = clip_dir / "edited.mp4"
    clips.ffmpeg("-ss 1.32 -i {0} -c copy {1}", plain_clip, edited)
    assert decode(edited).times == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert decode(edited).index.duration_seconds == pytest.approx(2.68)


def test_packets_that_are_decoded_anew_behind_a_gap_restart_no_clock(
    decode: Decode, clip_dir: Path, plain_clip: Path
) -> None:
    """An edit list with a gap: after it, FFmpeg decodes again from the last keyframe."""
    edits = [(2_000, 0), (1_000, -1), (1_000, 3 * 12_800)]
    body = struct.pack(">II", 0, len(edits)) + b"".join(struct.pack(">IiHH", *edit, 1, 0) for edit in edits)
    edited = clip_dir / "edits.mp4"
    edited.write_bytes(with_body(plain_clip.read_bytes(), b"elst", body))
    with av.open(edited) as container:
        times = [frame.time for frame in container.decode(video=0)]
    decoded = decode(edited, SamplingPolicy(interval_seconds=0.04), plan=True)
    assert [time for _, time in decoded.times] == pytest.approx(times, abs=0.001)
    assert decoded.index.discontinuities == ()


@pytest.mark.failure_row(19)
def test_a_gap_in_the_timestamps_costs_nothing(decode: Decode, clip_dir: Path) -> None:
    assert decode(clips.with_gap(clip_dir / "gap.mp4")).times == [(0, 0.0), (1, 1.0), (2, 50_002.0)]


@pytest.mark.parametrize(
    ("name", "encoder"), [("a.avi", "mpeg4"), ("a.h264", "libx264"), ("a.webm", "libvpx")]
)
def test_containers_without_usable_times_are_decoded_all_the_same(
    decode: Decode, clip_dir: Path, name: str, encoder: str
) -> None:
    clip = clips.plain(clip_dir / name, 3, encoded=encoder)
    assert decode(clip).times[:3] == [(0, 0.0), (1, 1.0), (2, 2.0)]


@pytest.mark.failure_row(20)
def test_a_change_of_size_midway_neither_adds_nor_drops_a_frame(decode: Decode, clip_dir: Path) -> None:
    decoded = decode(clips.changing_size(clip_dir / "size.ts"), SamplingPolicy(interval_seconds=0.3))
    assert [slot for slot, _ in decoded.times] == list(range(14))


def test_max_frames_stops_there(decode: Decode, plain_clip: Path) -> None:
    assert decode(plain_clip, SamplingPolicy(max_frames=2)).times == [(0, 0.0), (1, 1.0)]


@pytest.mark.parametrize(
    ("ending", "encoded"),
    [
        ("h264", "libx264 -preset ultrafast -bf 2 -g 20 -pix_fmt yuv420p"),
        ("avi", "mpeg4 -bf 2 -g 20"),
        ("asf", "mpeg4 -bf 2 -g 20"),
        ("vob", "mpeg2video -bf 2 -g 15"),
        ("m2v", "mpeg2video -bf 2 -g 15"),
    ],
)
def test_keyframes_have_their_times_where_the_container_has_no_presentation_times(
    decode: Decode, tmp_path: Path, ending: str, encoded: str
) -> None:
    clip = clips.plain(tmp_path / f"clip.{ending}", 3, encoded=encoded)
    with av.open(clip) as container:
        numbers = [n for n, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    frames = decode(clip, SamplingPolicy(strategy="keyframe")).frames
    assert [frame.pts_seconds for frame in frames] == pytest.approx([n / 25 for n in numbers], abs=0.002)


@pytest.mark.parametrize("encoded", ["libx264 -preset ultrafast -bf 2 -pix_fmt yuv420p", "mpeg4"])
def test_a_raw_stream_lasts_as_long_as_its_frames(decode: Decode, tmp_path: Path, encoded: str) -> None:
    muxer = "h264" if "264" in encoded else "m4v"
    clip = clips.plain(tmp_path / "clip", 3, encoded=f"{encoded} -f {muxer}")
    decoded = decode(clip, SamplingPolicy(strategy="timestamps", timestamps_seconds=(0, 2)))
    assert decoded.index.duration_seconds == pytest.approx(3)
    assert decoded.index.frame_rate == pytest.approx(25)
    assert [frame.pts_seconds for frame in decoded.frames] == [0, 2]


def test_keyframes_only_are_exactly_the_keyframes(decode: Decode, plain_clip: Path) -> None:
    decoded = decode(plain_clip, SamplingPolicy(strategy="keyframe"))
    assert decoded.times == [(0, 0.0), (1, 2.0)]


def test_the_picture_is_the_one_that_ffmpeg_shows_at_that_time(
    decode: Decode, plain_clip: Path, tmp_path: Path
) -> None:
    frame = decode(plain_clip, SamplingPolicy(image_format="png")).frames[2]
    seeked = tmp_path / "seeked.png"
    clips.ffmpeg("-ss 2 -i {0} -frames:v 1 {1}", plain_clip, seeked)
    (tmp_path / "ours.png").write_bytes(frame.data)
    pixels = [
        subprocess.run(
            [find_ffmpeg(), "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"],
            capture_output=True,
            check=True,
        ).stdout
        for path in (seeked, tmp_path / "ours.png")
    ]
    assert pixels[0] == pixels[1]


def test_frames_whose_times_do_not_ascend_are_noted(tmp_path: Path) -> None:
    """FFmpeg replaces negative timestamps of Matroska by times from 0 on, which later frames have, too."""
    clip = tmp_path / "early.mkv"
    times = "-output_ts_offset -0.4 -avoid_negative_ts disabled"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=96x64:rate=25 -t 2 -c:v libx264 -bf 0 -preset ultrafast {times} {{0}}",
        clip,
    )
    policy = SamplingPolicy(interval_seconds=0.04)
    manifest = extract_to_folder(clip, tmp_path / "frames", policy, local_config())
    lost = 50 - len(manifest.frames)
    assert lost > 0
    assert any(note.startswith(f"{lost} of 50 frames have no time") for note in manifest.notes)


def _targets(times: list[int], interval: Fraction, time_base: Fraction) -> list[tuple[int, int]]:
    """Return the targets by their definition: for each sample time the first frame from it on, once."""
    found: list[tuple[int, int]] = []
    taken: set[int] = set()
    last_sample_time = int((times[-1] - times[0]) * time_base / interval)
    for sample_time in range(last_sample_time + 1):
        frame = next(pts for pts in times if (pts - times[0]) * time_base >= sample_time * interval)
        if frame not in taken:
            taken.add(frame)
            found.append((sample_time, frame))
    return found


@given(
    steps=st.lists(st.integers(1, 300), min_size=0, max_size=40),
    start=st.integers(-1_000, 1_000_000),
    interval=st.fractions(min_value=Fraction(1, 50), max_value=5, max_denominator=100),
    time_base=st.sampled_from([Fraction(1, 90), Fraction(1001, 30000), Fraction(1, 25)]),
)
def test_the_targets_are_what_the_definition_says(
    steps: list[int], start: int, interval: Fraction, time_base: Fraction
) -> None:
    times = [start]
    for step in steps:
        times.append(times[-1] + step)
    expected = _targets(times, interval, time_base)
    found = find_targets(times, time_base, EveryInterval(interval))
    assert [(target.slot, target.pts) for target in found] == expected
