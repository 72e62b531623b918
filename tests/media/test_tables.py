"""What is read from the tables of MP4 is what FFmpeg lists, and a wrong reading costs only a second run."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extractor.domain.policy import SamplingPolicy
from extractor.media.container.mp4 import read_sample_table
from extractor.media.container.nal_units import read_roles
from extractor.media.container.sample_table import UnsupportedTablesError
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.packets import DISCARD
from extractor.media.probe import table_index
from extractor.media.probe.table_scan import TableScan, scan_tables
from extractor.pipeline.local_frames import iter_frames
from tests.media.table_files import X265, assert_read_as_listed, count_runs, listing_of, make, source_of
from tests.support.media import clips

_READ: Sequence[tuple[str, str]] = (
    ("b_frames.mp4", "-c:v libx264 -g 20 -bf 3"),
    ("no_b_frames.mp4", "-c:v libx264 -preset ultrafast -g 25"),
    ("moov_first.mov", "-c:v libx264 -g 20 -bf 3 -movflags +faststart"),
    ("slices.mp4", "-c:v libx264 -g 20 -bf 3 -x264-params slices=4:aud=1"),
    ("variable.mp4", "-vf select=not(mod(n\\,7))+lt(t\\,1) -fps_mode passthrough -c:v libx264 -g 20 -bf 3"),
    ("late.mp4", "-c:v libx264 -g 20 -bf 3 -output_ts_offset 1.5"),
    ("no_edit_list.mp4", "-c:v libx264 -g 20 -bf 0 -use_editlist 0"),
    ("open_gop.mp4", "-c:v libx264 -g 20 -bf 3 -x264-params open-gop=1:scenecut=0"),
    ("hevc_closed.mp4", f"{X265}:keyint=15:open-gop=0 -tag:v hvc1"),
    ("hevc_open.mp4", f"{X265}:keyint=15:min-keyint=15:open-gop=1:scenecut=0"),
    ("vp9.mp4", "-c:v libvpx-vp9 -g 20 -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 5"),
    ("svt.mp4", "-c:v libsvtav1 -preset 12 -g 20 -svtav1-params lp=1"),
    ("aom.mp4", "-c:v libaom-av1 -cpu-used 8 -g 20 -lag-in-frames 16"),
)
_LEFT_TO_FFMPEG: Sequence[tuple[str, str]] = (
    ("negative.mp4", "-c:v libx264 -g 20 -bf 3 -use_editlist 0 -movflags negative_cts_offsets"),
    ("interlaced.mp4", "-vf interlace -c:v libx264 -g 20 -flags +ilme+ildct"),
    ("mpeg4.mp4", "-c:v mpeg4 -g 12"),
    ("two_rates.mp4", "-vf setpts=PTS+gte(N\\,50)*N/50/TB -fps_mode passthrough -c:v libvpx-vp9 -cpu-used 5"),
)


@pytest.mark.parametrize(("name", "encoded"), _READ)
def test_the_tables_give_the_packets_that_ffmpeg_lists(tmp_path: Path, name: str, encoded: str) -> None:
    assert_read_as_listed(make(tmp_path, name, encoded))


@pytest.mark.parametrize(("name", "encoded"), _LEFT_TO_FFMPEG)
def test_files_whose_tables_need_interpretation_are_left_to_ffmpeg(
    tmp_path: Path, name: str, encoded: str
) -> None:
    assert scan_tables(source_of(make(tmp_path, name, encoded)), SamplingPolicy()) is None


@pytest.mark.parametrize(
    "policy",
    [
        SamplingPolicy(),
        SamplingPolicy(strategy="keyframe"),
        SamplingPolicy(strategy="count", count=4),
        SamplingPolicy(start_seconds=1.1),
        SamplingPolicy(scene_detector="content"),
    ],
    ids=["every second", "keyframes", "count", "start", "with scenes"],
)
def test_one_run_of_ffmpeg_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: SamplingPolicy
) -> None:
    clip = make(tmp_path, *_READ[0], seconds=6)
    runs = count_runs(monkeypatch)
    frames = list(iter_frames(clip, policy=policy))
    assert len(runs) == 1
    monkeypatch.setattr("extractor.pipeline.selection.predict_index", lambda *_: None)
    assert frames == list(iter_frames(clip, policy=policy))


@pytest.mark.parametrize("policy", [SamplingPolicy(scene_detector="hash"), SamplingPolicy(strategy="scene")])
def test_scenes_of_a_turned_video_are_found_in_turned_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: SamplingPolicy
) -> None:
    """The tables do not say that a video is turned: the first run ends when FFmpeg says it."""
    clip = clips.rotated(tmp_path / "turned.mp4")
    runs = count_runs(monkeypatch)
    frames = list(iter_frames(clip, policy=policy))
    assert len(runs) == 2 + policy.selects_scenes
    monkeypatch.setattr("extractor.pipeline.selection.predict_index", lambda *_: None)
    assert frames == list(iter_frames(clip, policy=policy))


def test_a_wrong_reading_of_the_tables_does_not_move_the_frames_of_scenes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make(tmp_path, *_READ[0])
    policy = SamplingPolicy(strategy="scene")
    expected = list(iter_frames(clip, policy=policy))

    def misread(source: DecoderInput, policy: SamplingPolicy) -> TableScan | None:
        read = scan_tables(source, policy)
        assert read is not None
        for number in range(20, len(read.packets.packets.pts)):
            read.packets.packets.pts[number] += 1
        return read

    monkeypatch.setattr(table_index, "scan_tables", misread)
    assert list(iter_frames(clip, policy=policy)) == expected


def test_packets_that_are_not_stored_in_their_order_have_their_own_roles(tmp_path: Path) -> None:
    heads = [0x65 if number % 30 == 0 else (0x41, 0x01)[number % 2] for number in range(90)]
    places = [number * 37 % 90 for number in range(90)]
    content = bytearray(6 * 90)
    for head, place in zip(heads, places, strict=True):
        content[6 * place : 6 * place + 6] = bytes([0, 0, 0, 2, head, 0])
    path = tmp_path / "units"
    path.write_bytes(content)
    with path.open("rb") as file:
        offsets = [6 * place for place in places]
        keyframes = bytes(head == 0x65 for head in heads)
        roles = read_roles(file.fileno(), "h264", 4, offsets, [6] * 90, keyframes)
    assert roles.marks["references"] == bytes(head != 0x01 for head in heads)


def _true_seconds(clip: Path) -> list[float]:
    with av.open(str(clip)) as container:
        times = sorted(float(frame.pts * frame.time_base) for frame in container.decode(video=0))
    return [seconds - times[0] for seconds in times]


@pytest.mark.parametrize("strategy", ["uniform", "count"])
@pytest.mark.parametrize("wrong_by", [1, 512], ids=["later frames", "all frames"])
def test_a_wrong_reading_of_the_tables_costs_only_a_second_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, wrong_by: int
) -> None:
    clip = make(tmp_path, *_READ[0])
    policy = SamplingPolicy() if strategy == "uniform" else SamplingPolicy(strategy="count", count=3)

    def misread(source: DecoderInput, policy: SamplingPolicy) -> TableScan | None:
        read = scan_tables(source, policy)
        assert read is not None
        pts = read.packets.packets.pts
        for number in range(0 if wrong_by > 1 else 30, len(pts)):
            pts[number] += wrong_by
        return read

    monkeypatch.setattr(table_index, "scan_tables", misread)
    frames = list(iter_frames(clip, policy=policy))
    times = _true_seconds(clip)
    assert len(frames) == 3
    assert all(min(abs(frame.pts_seconds - seconds) for seconds in times) < 1e-6 for frame in frames)
    assert [frame.index for frame in frames] == [0, 1, 2]


@pytest.mark.parametrize("of_the_stream", [{"codec": "hevc"}, {"width": 99}, {"index": 1}])
def test_a_file_that_ffmpeg_describes_otherwise_is_indexed_by_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_the_stream: dict[str, Any]
) -> None:
    clip = make(tmp_path, *_READ[0])
    expected = list(iter_frames(clip))

    def misread(source: DecoderInput, policy: SamplingPolicy) -> TableScan | None:
        read = scan_tables(source, policy)
        assert read is not None
        return replace(read, stream=replace(read.stream, **of_the_stream))

    monkeypatch.setattr(table_index, "scan_tables", misread)
    assert list(iter_frames(clip)) == expected


def test_high_dynamic_range_needs_no_second_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    clip = make(tmp_path, "pq.mp4", f"-vf format=yuv420p10le,{tags} -c:v libx264 -g 20 -bf 3")
    runs = count_runs(monkeypatch)
    frames = list(iter_frames(clip))
    assert len(runs) == 1
    monkeypatch.setattr("extractor.pipeline.selection.predict_index", lambda *_: None)
    assert frames == list(iter_frames(clip))


def test_a_matrix_that_only_the_bitstream_names_is_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample entry of this HEVC has no colour box, so another matrix is assumed at first."""
    clip = make(tmp_path, "tagged.mp4", f"{X265}:keyint=25:colormatrix=bt709 -movflags -write_colr")
    runs = count_runs(monkeypatch)
    frames = list(iter_frames(clip, format="png"))
    assert len(runs) == 2
    with av.open(str(clip)) as container:
        first = next(container.decode(video=0))
    expected = first.reformat(format="rgb24", src_colorspace="itu709").to_ndarray()
    assert abs(frames[0].to_array().astype(int) - expected.astype(int)).max() <= 3


def test_parameter_sets_within_the_stream_are_found(tmp_path: Path) -> None:
    one, two, both = (tmp_path / name for name in ("one.mp4", "two.mp4", "both.mp4"))
    for clip, quantizer in ((one, 20), (two, 40)):
        clips.ffmpeg(
            f"-f lavfi -i testsrc2=size=192x144:rate=25:duration=1 -c:v libx264 -g 10 -qp {quantizer}"
            " -bsf:v dump_extra {0}",
            clip,
        )
    names = tmp_path / "names"
    names.write_text(f"file {one}\nfile {two}\n")
    clips.ffmpeg("-f concat -safe 0 -i {0} -c copy {1}", names, both)
    source = source_of(both)
    read = scan_tables(source, SamplingPolicy())
    assert read is not None
    listed = listing_of(source, "h264")
    assert sum(listed.listing.packets.have_new_parameters) > 1
    assert bytes(read.packets.packets.flags) == bytes(listed.listing.packets.flags)


def test_no_frame_is_hidden_by_an_edit_that_the_tables_are_read_with(tmp_path: Path) -> None:
    clip = make(tmp_path, *_READ[0])
    cut = tmp_path / "cut.mp4"
    clips.ffmpeg("-ss 1.3 -i {0} -c copy {1}", clip, cut)
    listed = listing_of(source_of(cut), "h264")
    assert any(flags & DISCARD for flags in listed.listing.packets.flags)
    assert scan_tables(source_of(cut), SamplingPolicy()) is None


@given(data=st.data())
def test_damaged_tables_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    clip = tmp_path_factory.getbasetemp() / "small-tables.mp4"
    if not clip.exists():
        clips.ffmpeg("-f lavfi -i testsrc2=size=64x64:rate=25:duration=1 -c:v libx264 -g 10 -bf 2 {0}", clip)
    content = bytearray(clip.read_bytes())
    movie = content.find(b"moov") - 4
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(movie, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.sampled_from([len(content), len(content) - 1, movie + 90]))]
    damaged = clip.with_name("damaged-tables.mp4")
    damaged.write_bytes(content)
    with damaged.open("rb") as file:
        try:
            table = read_sample_table(file, len(content), 1000)
        except UnsupportedTablesError:
            return
    assert len(table.pts) == len(table.dts) == len(table.sizes) == len(table.offsets) <= 1000
    ends = (offset + size for offset, size in zip(table.offsets, table.sizes, strict=True))
    assert max(ends) <= len(content)


def test_a_sample_count_of_four_billion_takes_no_memory(tmp_path: Path) -> None:
    clip = make(tmp_path, *_READ[1])
    content = bytearray(clip.read_bytes())
    position = content.find(b"stts") + 12
    content[position : position + 4] = struct.pack(">I", 0xFFFF_FFFF)
    clip.write_bytes(content)
    assert scan_tables(source_of(clip), SamplingPolicy()) is None


def test_times_of_a_gap_of_a_minute_are_left_to_ffmpeg(tmp_path: Path) -> None:
    """FFmpeg may regard such a gap as a discontinuity of the clock."""
    clip = make(tmp_path, *_READ[0])
    assert scan_tables(source_of(clip), SamplingPolicy()) is not None
    gap = make(
        tmp_path, "gap.mp4", "-c:v libx264 -bf 0 -vf setpts=PTS+gte(N\\,50)*60/TB -fps_mode passthrough"
    )
    assert scan_tables(source_of(gap), SamplingPolicy()) is None
    assert Fraction(60) < max(frame.pts_seconds for frame in iter_frames(gap))
