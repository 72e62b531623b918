"""What is read from the blocks of Matroska and WebM is what FFmpeg lists; all else is left to FFmpeg."""

import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extractor.domain.policy import SamplingPolicy
from extractor.media.container import ebml
from extractor.media.container.matroska import read_matroska
from extractor.media.container.sample_table import UnsupportedTablesError
from extractor.media.probe import described_stream, table_index
from extractor.media.probe.table_scan import TableScan, scan_tables
from extractor.media.references.h264_parameters import SequenceParameters, parse_sequence_parameters
from extractor.pipeline.local_frames import iter_frames
from tests.media.table_files import X265, assert_read_as_listed, count_runs, make, source_of
from tests.support.media import clips

_READ: Sequence[tuple[str, str]] = (
    ("b_frames.mkv", "-c:v libx264 -g 20 -bf 3"),
    ("no_b_frames.mkv", "-c:v libx264 -preset ultrafast -g 25"),
    ("open_gop.mkv", "-c:v libx264 -g 20 -bf 3 -x264-params open-gop=1:scenecut=0"),
    ("intra_refresh.mkv", "-c:v libx264 -g 20 -x264-params intra-refresh=1"),
    ("variable.mkv", "-vf select=not(mod(n\\,7))+lt(t\\,1) -fps_mode passthrough -c:v libx264 -g 20 -bf 3"),
    ("hevc_open.mkv", f"{X265}:keyint=15:min-keyint=15:open-gop=1:scenecut=0"),
    ("vp8.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -g 20 -output_ts_offset 1.5"),
    ("vp9.webm", "-c:v libvpx-vp9 -g 20 -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 5"),
    ("live.webm", "-c:v libvpx-vp9 -deadline realtime -g 20 -cpu-used 8 -live 1"),
    ("aom.webm", "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 20"),
    ("with_sound.mkv", "-f lavfi -i sine=duration=3 -c:v libx264 -g 20 -cluster_time_limit 200 -c:a libopus"),
)
_LEFT_TO_FFMPEG: Sequence[tuple[str, str]] = (
    ("alpha.webm", "-vf format=yuva420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
    ("interlaced.mkv", "-vf interlace -c:v libx264 -g 20 -flags +ilme+ildct"),
    ("mpeg4.mkv", "-c:v mpeg4 -g 12"),
    ("two_videos.mkv", "-map 0 -map 0 -c:v libx264 -g 20"),
)
_VP9: tuple[str, str] = ("small.webm", "-c:v libvpx-vp9 -deadline realtime -g 20 -cpu-used 8")


@pytest.mark.parametrize(("name", "encoded"), _READ)
def test_the_blocks_are_the_packets_that_ffmpeg_lists(tmp_path: Path, name: str, encoded: str) -> None:
    assert_read_as_listed(make(tmp_path, name, encoded), first_dts=False)


@pytest.mark.parametrize(("name", "encoded"), _LEFT_TO_FFMPEG)
def test_files_that_need_interpretation_are_left_to_ffmpeg(tmp_path: Path, name: str, encoded: str) -> None:
    assert scan_tables(source_of(make(tmp_path, name, encoded)), SamplingPolicy()) is None


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_only_mp4_needs_no_statement_of_the_reordering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container: str
) -> None:
    clip = make(tmp_path, f"b_frames.{container}", _READ[0][1])

    def unstated(unit: bytes) -> SequenceParameters:
        return replace(parse_sequence_parameters(unit), reordered_frames=None)

    monkeypatch.setattr(described_stream, "parse_sequence_parameters", unstated)
    assert (scan_tables(source_of(clip), SamplingPolicy()) is None) == (container == "mkv")


@pytest.mark.parametrize("number", [0, 7], ids=["H.264", "VP9"])
@pytest.mark.parametrize("strategy", ["uniform", "keyframe"])
def test_one_run_makes_the_frames_of_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, strategy: str
) -> None:
    clip = make(tmp_path, *_READ[number])
    policy = SamplingPolicy(strategy="keyframe" if strategy == "keyframe" else "uniform")
    runs = count_runs(monkeypatch)
    frames = list(iter_frames(clip, policy=policy))
    assert len(runs) == 1
    monkeypatch.setattr("extractor.pipeline.selection.predict_index", lambda *_: None)
    assert frames == list(iter_frames(clip, policy=policy))


def _block(content: bytearray, number: int) -> int:
    """Return the position of the relative timestamp of a block; its flags are two bytes later."""
    return read_matroska(io.BytesIO(content), len(content), 1000).offsets[number] - 3


def _lace(content: bytearray) -> None:
    content[_block(content, 3) + 2] |= 0x02


def _hide_keyframe(content: bytearray) -> None:
    content[_block(content, 20) + 2] &= 0x7F


def _invent_keyframe(content: bytearray) -> None:
    content[_block(content, 3) + 2] |= 0x80


def _hide_time(content: bytearray) -> None:
    content[content.find(b"\xe7\x81\0", content.find(b"\x1f\x43\xb6\x75"))] = 0xEC


def _before_the_cluster(content: bytearray) -> None:
    content[_block(content, 0)] = 0xFF


def _of_an_unknown_track(content: bytearray) -> None:
    content[_block(content, 3) - 1] = 0x82


def _combine_tracks(content: bytearray) -> None:
    content[content.find(b"\x9c\x81\0")] = 0xE2


def _crop(content: bytearray) -> None:
    """Turn the display height into a number of cropped lines."""
    position = content.find(b"\x54\xba")
    content[position : position + 2] = b"\x54\xaa"


def _encode(content: bytearray) -> None:
    position = content.find(b"\x73\xc5\x88")
    content[position : position + 2] = b"\x6d\x80"


def _without_duration(content: bytearray) -> None:
    position = content.find(b"\x23\xe3\x83")
    content[position + 2] = 0x84


def _unknown_cluster_size(content: bytearray) -> None:
    position = content.find(b"\x1f\x43\xb6\x75") + 4
    length = 9 - content[position].bit_length()
    content[position : position + length] = ((1 << 7 * length + 1) - 1).to_bytes(length, "big")


def _append(content: bytearray) -> None:
    content += bytes(content)


def _truncate(content: bytearray) -> None:
    del content[-1]


@pytest.mark.parametrize(
    "change",
    [
        _lace,
        _hide_keyframe,
        _invent_keyframe,
        _hide_time,
        _before_the_cluster,
        _of_an_unknown_track,
        _combine_tracks,
        _crop,
        _encode,
        _without_duration,
        _unknown_cluster_size,
        _append,
        _truncate,
    ],
)
def test_blocks_that_need_interpretation_are_left_to_ffmpeg(
    tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    clip = make(tmp_path, "small.webm", _VP9[1] + " -vf setsar=2", seconds=1)
    assert scan_tables(source_of(clip), SamplingPolicy()) is not None
    content = bytearray(clip.read_bytes())
    before = bytes(content)
    change(content)
    assert content != before
    clip.write_bytes(content)
    assert scan_tables(source_of(clip), SamplingPolicy()) is None


def test_a_hidden_frame_of_vp8_is_left_to_ffmpeg(tmp_path: Path) -> None:
    clip = make(tmp_path, "vp8.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -g 20", seconds=1)
    assert scan_tables(source_of(clip), SamplingPolicy()) is not None
    content = bytearray(clip.read_bytes())
    content[_block(content, 3) + 3] &= ~0x10
    clip.write_bytes(content)
    assert scan_tables(source_of(clip), SamplingPolicy()) is None


@pytest.mark.parametrize("name", ["small.webm", "fragments.mp4"])
def test_a_partial_file_of_this_container_is_not_read(tmp_path: Path, name: str) -> None:
    fragmented = "-c:v libx264 -g 20 -movflags frag_keyframe+empty_moov"
    clip = make(tmp_path, name, _VP9[1] if name.endswith("webm") else fragmented, seconds=1)
    source = source_of(clip)
    assert scan_tables(source, SamplingPolicy()) is not None
    partial = replace(source, present=(range(clip.stat().st_size),))
    assert scan_tables(partial, SamplingPolicy()) is None


@pytest.mark.parametrize("wrong", ["later frames", "demuxer"])
def test_a_wrong_reading_costs_only_a_second_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    clip = make(tmp_path, *_READ[0])
    monkeypatch.setattr("extractor.pipeline.selection.predict_index", lambda *_: None)
    expected = list(iter_frames(clip))
    monkeypatch.undo()

    def misread(source: object, policy: SamplingPolicy) -> TableScan | None:
        read = scan_tables(source_of(clip), policy)
        assert read is not None
        if wrong == "demuxer":
            return replace(read, table=replace(read.table, demuxer="avi"))
        pts = read.packets.packets.pts
        for number in range(30, len(pts)):
            pts[number] += 1
        return read

    monkeypatch.setattr(table_index, "scan_tables", misread)
    runs = count_runs(monkeypatch)
    assert list(iter_frames(clip)) == expected
    assert len(runs) > 1


def test_a_file_of_ever_smaller_elements_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make(tmp_path, *_VP9, seconds=1)
    monkeypatch.setattr(ebml, "_MAX_ELEMENTS", 60)
    assert scan_tables(source_of(clip), SamplingPolicy()) is None


@given(data=st.data())
def test_damaged_blocks_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    clip = tmp_path_factory.getbasetemp() / "small-tables.mkv"
    if not clip.exists():
        clips.ffmpeg("-f lavfi -i testsrc2=size=64x64:rate=25:duration=1 -c:v libx264 -g 10 -bf 2 {0}", clip)
    content = bytearray(clip.read_bytes())
    first = content.find(b"\x1f\x43\xb6\x75")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, first + 30))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.sampled_from([len(content), len(content) - 1, first + 90]))]
    damaged = clip.with_name("damaged-tables.mkv")
    damaged.write_bytes(content)
    with damaged.open("rb") as file:
        try:
            table = read_matroska(file, len(content), 1000)
        except UnsupportedTablesError:
            return
    assert len(table.pts) == len(table.durations) == len(table.sizes) == len(table.offsets) <= 1000
    ends = (offset + size for offset, size in zip(table.offsets, table.sizes, strict=True))
    assert max(ends) <= len(content)


def test_a_limit_of_packets_holds(tmp_path: Path) -> None:
    clip = make(tmp_path, *_VP9, seconds=1)
    with clip.open("rb") as file, pytest.raises(UnsupportedTablesError):
        read_matroska(file, clip.stat().st_size, 24)
    copied = shutil.copyfile(clip, tmp_path / "copy.webm")
    with copied.open("rb") as file:
        assert len(read_matroska(file, clip.stat().st_size, 25).pts) == 25
