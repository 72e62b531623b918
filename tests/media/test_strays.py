"""A packet with a wrong timestamp is corrected, does not affect the others, and is listed in the manifest."""

from array import array
from fractions import Fraction
from pathlib import Path

import pytest

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.discontinuities import Discontinuity, Part
from extractor.media.ffmpeg.stray_timestamps import Stray, find_strays, with_strays
from extractor.pipeline.local import extract_to_folder, local_config
from tests.support.media import clips
from tests.support.media.decoding import Decode

_SECONDS = 4
_WRONG = 60
"""The number of the packet."""

_HOURS = 7200
_EVERY_FRAME = SamplingPolicy(interval_seconds=0.04)


def _clip(path: Path, b_frames: int) -> Path:
    encoded = f"libx264 -preset veryfast -g 25 -bf {b_frames} -b_strategy 0 -pix_fmt yuv420p"
    return clips.plain(path, _SECONDS, encoded=encoded, pictures="testsrc2=size=96x64:rate=25")


def _moved_in_ts(clip: Path, pts_seconds: int, dts_seconds: int) -> Path:
    data = bytearray(clip.read_bytes())
    place = -1
    for _ in range(_WRONG + 1):
        place = data.index(b"\0\0\1\xe0", place + 1)
    _move(data, place + 9, pts_seconds)
    if data[place + 7] >> 6 == 3:
        _move(data, place + 14, dts_seconds)
    clip.write_bytes(data)
    return clip


def _move(data: bytearray, place: int, seconds: int) -> None:
    """Change a timestamp of MPEG-TS: 33 bits, with a marker bit after the 3rd, 18th and 33rd."""
    bits = int.from_bytes(data[place : place + 5], "big")
    time = (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF
    time += seconds * 90_000
    bits = (bits >> 36) << 36 | (time >> 30) << 33 | (time >> 15 & 0x7FFF) << 17 | (time & 0x7FFF) << 1
    data[place : place + 5] = (bits | 1 << 32 | 1 << 16 | 1).to_bytes(5, "big")


def _moved_in_flv(clip: Path, seconds: int) -> Path:
    data = bytearray(clip.read_bytes())
    place, number = 13, -2  # the first tags are metadata and the parameters
    while number < _WRONG:
        place += 15 + int.from_bytes(data[place + 1 : place + 4], "big")
        number += 1
    time = int.from_bytes(data[place + 4 : place + 7], "big") + seconds * 1_000
    data[place + 4 : place + 8] = (time & 0xFFFFFF).to_bytes(3, "big") + bytes([time >> 24])
    clip.write_bytes(data)
    return clip


@pytest.mark.failure_row(53)
@pytest.mark.parametrize("plan", [True, False], ids=["planned", "full"])
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize(
    ("container", "moves", "noted"),
    [
        ("ts", (_HOURS, _HOURS), True),
        ("ts", (_HOURS, 0), True),
        ("ts", (0, _HOURS), False),
        ("ts", (-1, -1), True),
        ("flv", (_HOURS,), True),
        ("flv", (-1,), True),
    ],
    ids=str,
)
def test_a_packet_with_a_wrong_time_is_shown_where_it_belongs(
    decode: Decode,
    tmp_path: Path,
    container: str,
    moves: tuple[int, ...],
    noted: bool,
    b_frames: int,
    plan: bool,
) -> None:
    clip = _clip(tmp_path / f"clip.{container}", b_frames)
    expected = decode(clip, _EVERY_FRAME)
    assert not expected.index.discontinuities
    moved = _moved_in_ts(clip, *moves) if container == "ts" else _moved_in_flv(clip, *moves)
    decoded = decode(moved, _EVERY_FRAME, plan=plan)
    assert decoded.times == expected.times
    assert [frame.data for frame in decoded.frames] == [frame.data for frame in expected.frames]
    assert decoded.index.duration_seconds == pytest.approx(_SECONDS)
    is_both = container == "ts" and not b_frames  # where both are the same, there is only one timestamp
    changes = decoded.index.discontinuities
    assert len(changes) == (2 if noted and not (is_both and moves[0] == 0) else 0)
    few = decode(moved, SamplingPolicy(), plan=plan)
    assert few.times == [(slot, float(slot)) for slot in range(_SECONDS)]


def test_the_manifest_notes_a_wrong_time(tmp_path: Path) -> None:
    clip = _moved_in_ts(_clip(tmp_path / "clip.ts", 2), _HOURS, _HOURS)
    manifest = extract_to_folder(clip, tmp_path / "frames", SamplingPolicy(), local_config())
    there, back = manifest.video.discontinuities
    assert there.seconds_after == back.seconds_before == pytest.approx(there.seconds_before + _HOURS)
    assert any("restarts or jumps 2 times" in note for note in manifest.notes)


_TIME_BASE = Fraction(1, 100)


def test_times_that_lie_far_from_decoding_on_purpose_are_not_wrong() -> None:
    """Three frames in an hour; the second and the third are reordered."""
    pts = array("q", [0, 240_000, 120_000, 360_000])
    part = Part(0, 0, 360_000, start_pts=0, end_pts=480_000)
    assert find_strays(pts, [part], [1, 2], _TIME_BASE) == ([part], [])


def test_a_part_of_one_packet_that_does_not_come_back_is_a_part() -> None:
    pts = array("q", [0, 4, 8, 0, 9_000, 9_004])
    parts = [
        Part(0, 0, 8, start_pts=0, end_pts=12),
        Part(3, 0, 0, -8, 4, start_pts=0, end_pts=4),
        Part(4, 9_000, 9_004, 9_000, 4, start_pts=9_000, end_pts=9_008),
    ]
    assert find_strays(pts, parts, [], _TIME_BASE) == (parts, [])


def test_a_packet_with_a_wrong_time_leaves_the_offsets_of_its_part_alone() -> None:
    found = [Discontinuity(10, 40, 40, 0, 40)]
    changes = with_strays(found, [Stray(5, 9_000, 20), Stray(12, 9_000, 8)])
    assert [(change.first_packet, change.offset) for change in changes] == [
        (5, 20 - 9_000),
        (6, 0),
        (10, 40),
        (12, 8 + 40 - 9_000),
        (13, 40),
    ]
