"""What is read from the fragments of MP4 is what FFmpeg lists; all else is left to FFmpeg."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.policy import SamplingPolicy
from extractor.media.container.sample_table import UnsupportedTablesError
from extractor.media.container.tables import read_tables
from extractor.media.probe.table_scan import scan_tables
from extractor.pipeline.local_frames import iter_frames
from tests.media.table_files import X265, assert_read_as_listed, count_runs, make, source_of
from tests.support.media import clips

_H264 = "-c:v libx264 -g 20 -bf 3"
_VARIABLE = "select=not(mod(n\\,7))+lt(t\\,1)"
_SOUND = "-f lavfi -i sine=duration=3 -c:a aac"
_READ: Sequence[tuple[str, str]] = (
    ("plain.mp4", f"{_H264} -movflags frag_keyframe+empty_moov"),
    ("every_frame.mp4", f"{_H264} -movflags frag_every_frame+empty_moov+default_base_moof"),
    ("edit.mp4", f"{_H264} -movflags frag_keyframe+delay_moov+global_sidx+dash"),
    ("late.mp4", f"{_H264} -movflags frag_keyframe+delay_moov -output_ts_offset 1.5"),
    ("implicit_base.mp4", f"{_H264} -movflags frag_keyframe+empty_moov+omit_tfhd_offset"),
    ("sound.mp4", f"{_SOUND} {_H264} -movflags frag_keyframe+delay_moov+default_base_moof"),
    ("sound_apart.mp4", f"{_SOUND} {_H264} -movflags frag_keyframe+empty_moov+separate_moof"),
    ("variable.mp4", f"-vf {_VARIABLE} -fps_mode passthrough {_H264} -movflags frag_keyframe+empty_moov"),
    ("hevc.mp4", f"{X265}:keyint=15:min-keyint=15:scenecut=0 -movflags frag_keyframe+empty_moov"),
    ("aom.mp4", "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 20 -movflags frag_keyframe+empty_moov"),
)
_LEFT_TO_FFMPEG: Sequence[tuple[str, str]] = (
    ("samples_before.mp4", f"{_H264} -movflags frag_keyframe"),
    ("negative_offsets.mp4", f"{_H264} -movflags cmaf+frag_keyframe"),
    ("vp9.mp4", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 20 -movflags frag_keyframe+empty_moov"),
)


@pytest.mark.parametrize(("name", "encoded"), _READ)
def test_the_fragments_give_the_packets_that_ffmpeg_lists(tmp_path: Path, name: str, encoded: str) -> None:
    assert_read_as_listed(make(tmp_path, name, encoded))


@pytest.mark.parametrize(("name", "encoded"), _LEFT_TO_FFMPEG)
def test_fragments_that_need_interpretation_are_left_to_ffmpeg(
    tmp_path: Path, name: str, encoded: str
) -> None:
    assert scan_tables(source_of(make(tmp_path, name, encoded)), SamplingPolicy()) is None


def _swallow_the_track(content: bytearray) -> None:
    content[content.find(b"mfhd") - 1] = 24


def _name_an_unknown_track(content: bytearray) -> None:
    content[content.rfind(b"tfhd") + 11] = 9


def _drop_the_time(content: bytearray) -> None:
    position = content.find(b"tfdt")
    content[position : position + 4] = b"free"


def _use_another_description(content: bytearray) -> None:
    content[content.find(b"trex") + 15] = 2


def _go_back_in_time(content: bytearray) -> None:
    """Let the last fragment of the video begin with the first one."""
    position = content.find(b"tfdt", content.find(b"moof", content.find(b"moof") + 4))
    content[position + 8 : position + 16] = bytes(8)


def _point_behind_the_file(content: bytearray) -> None:
    content[content.find(b"trun") + 12] = 0x7F


@pytest.mark.parametrize(
    "change",
    [
        _swallow_the_track,
        _name_an_unknown_track,
        _drop_the_time,
        _use_another_description,
        _go_back_in_time,
        _point_behind_the_file,
    ],
)
def test_fragments_that_contradict_the_movie_are_left_to_ffmpeg(
    tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    clip = make(tmp_path, *_READ[5])
    assert scan_tables(source_of(clip), SamplingPolicy()) is not None
    content = bytearray(clip.read_bytes())
    before = bytes(content)
    change(content)
    assert content != before
    clip.write_bytes(content)
    assert scan_tables(source_of(clip), SamplingPolicy()) is None


def test_a_missing_fragment_leaves_a_gap(tmp_path: Path) -> None:
    clip = make(tmp_path, *_READ[1])  # with positions relative to each fragment
    content = clip.read_bytes()
    second = content.find(b"moof", content.find(b"moof") + 4) - 4
    third = content.find(b"moof", second + 8) - 4
    clip.write_bytes(content[:second] + content[third : content.find(b"mfra") - 4])
    assert_read_as_listed(clip)


@pytest.mark.parametrize("strategy", ["uniform", "keyframe"])
def test_one_run_makes_the_frames_of_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    clip = make(tmp_path, *_READ[0])
    policy = SamplingPolicy(strategy="keyframe" if strategy == "keyframe" else "uniform")
    runs = count_runs(monkeypatch)
    frames = list(iter_frames(clip, policy=policy))
    assert len(runs) == 1
    monkeypatch.setattr("extractor.pipeline.selection.predict_index", lambda *_: None)
    assert frames == list(iter_frames(clip, policy=policy))


@given(data=st.data())
def test_damaged_fragments_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    clip = tmp_path_factory.getbasetemp() / "small-fragments.mp4"
    if not clip.exists():
        clips.ffmpeg(
            "-f lavfi -i testsrc2=size=64x64:rate=25:duration=1 -c:v libx264 -g 10 -bf 2"
            " -movflags frag_keyframe+empty_moov {0}",
            clip,
        )
    content = bytearray(clip.read_bytes())
    fragment = content.find(b"moof") - 4
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, fragment + 300))] = data.draw(st.integers(0, 255))
    damaged = clip.with_name("damaged-fragments.mp4")
    damaged.write_bytes(content)
    with damaged.open("rb") as file:
        try:
            table = read_tables(file, len(content), 1000)
        except UnsupportedTablesError:
            return
    assert len(table.pts) == len(table.dts) == len(table.sizes) == len(table.offsets) <= 1000
    ends = (offset + size for offset, size in zip(table.offsets, table.sizes, strict=True))
    assert max(ends) <= len(content)
