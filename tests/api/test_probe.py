"""`probe` tells what another reader of the file tells, and what the manifest says."""

import json
from pathlib import Path

import av
import msgspec
import pytest

from extractor import extract_frames, probe
from extractor.errors import NoVideoStreamError, VideoMissingError
from tests.support.media import clips


def test_the_facts_are_those_of_the_manifest(holiday: Path) -> None:
    info = json.loads(msgspec.json.encode(probe(holiday)))
    manifest = extract_frames(holiday, "out").manifest
    video = json.loads(msgspec.json.encode(manifest.video))
    assert {name: info[name] for name in video} == video
    assert info["ffmpeg_version"] == manifest.ffmpeg_version
    assert (info["size_bytes"], info["expected_seconds"], info["truncated"]) == (
        holiday.stat().st_size,
        manifest.expected_seconds,
        manifest.truncated,
    )


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "avi"])
def test_packets_and_keyframes_are_counted_as_another_reader_counts_them(tmp_path: Path, ending: str) -> None:
    path = clips.plain(tmp_path / f"clip.{ending}", 5)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    info = probe(path)
    assert info.packet_count == len(packets) == 125
    assert info.keyframe_count == sum(packet.is_keyframe for packet in packets) == 3


def test_rotation_is_told_and_the_size_is_that_before_it(tmp_path: Path) -> None:
    info = probe(clips.rotated(tmp_path / "turned.mp4", 90))
    assert (info.width, info.height, abs(info.rotation_degrees)) == (320, 240, 90.0)


def test_high_dynamic_range_is_told(tmp_path: Path) -> None:
    colours = "log-level=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    encoded = f"libx265 -preset ultrafast -x265-params {colours} -pix_fmt yuv420p10le"
    info = probe(clips.plain(tmp_path / "hdr.mp4", 1, encoded=encoded))
    assert (info.codec, info.hdr, info.pixel_format, info.matrix) == ("hevc", "pq", "yuv420p10le", "bt2020nc")


def test_a_clock_that_restarts_is_told(tmp_path: Path) -> None:
    part = clips.plain(tmp_path / "part.ts", 2)
    later = tmp_path / "later.ts"
    clips.ffmpeg("-i {0} -c copy -output_ts_offset 3600 {1}", part, later)
    whole = tmp_path / "whole.ts"
    whole.write_bytes(part.read_bytes() + later.read_bytes())
    (change,) = probe(whole).discontinuities
    assert change.pts_seconds == pytest.approx(2.0)


def test_the_errors_are_those_of_an_extraction(tmp_path: Path) -> None:
    with pytest.raises(NoVideoStreamError):
        probe(clips.sound_only(tmp_path / "sound.mp4"))
    with pytest.raises(VideoMissingError):
        probe(tmp_path / "missing.mp4")
