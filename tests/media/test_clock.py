"""After a discontinuity, presentation continues where the part before ended."""

from array import array
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.discontinuities import Gap, Part, corrected, find_discontinuities
from extractor.media.ffmpeg.packet_list import LISTED_STAMPS, PacketListing
from extractor.media.ffmpeg.packets import NO_PTS
from extractor.pipeline.local import extract_to_folder, local_config
from tests.support.media import clips
from tests.support.media.decoding import Decode

_SECONDS = 6
_PART = f"-f lavfi -i testsrc2=size=160x120:rate=25:duration={_SECONDS} -c:v {{codec}} -g 25 -pix_fmt yuv420p"
_CODECS = {"vob": "mpeg2video", "mpg": "mpeg1video"}


def _part(path: Path, offset: int = 0, *, sound: bool = False) -> Path:
    codec = _CODECS.get(path.suffix[1:], "libx264 -preset veryfast")
    inputs = f" -f lavfi -i sine=duration={_SECONDS}" if sound else ""
    video, _, options = _PART.format(codec=codec).partition(" -c:v")
    clips.ffmpeg(f"{video}{inputs} -c:v{options} -output_ts_offset {offset} {{0}}", path)
    return path


def _joined(folder: Path, ending: str, offsets: list[int], *, sound: bool = False) -> Path:
    """Join files, each with a clock that starts at its offset."""
    parts = [
        _part(folder / f"part-{number}.{ending}", offset, sound=sound)
        for number, offset in enumerate(offsets)
    ]
    whole = folder / f"joined.{ending}"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


def _reconnected_flv(folder: Path, offsets: list[int]) -> Path:
    """Join the tags of several recordings after one file header, as servers do."""
    parts = [_part(folder / f"part-{number}.flv", offset) for number, offset in enumerate(offsets)]
    whole = folder / "joined.flv"
    whole.write_bytes(b"".join(part.read_bytes()[13 if place else 0 :] for place, part in enumerate(parts)))
    return whole


_EXPECTED = [(slot, float(slot)) for slot in range(2 * _SECONDS)]
_POLICIES = [
    SamplingPolicy(),
    SamplingPolicy(interval_seconds=1, scene_detector="content"),
    SamplingPolicy(strategy="timestamps", timestamps_seconds=tuple(map(float, range(12)))),
]


@pytest.mark.failure_row(53)
@pytest.mark.parametrize("plan", [True, False], ids=["planned", "full"])
@pytest.mark.parametrize("policy", _POLICIES, ids=["uniform", "scenes", "timestamps"])
@pytest.mark.parametrize(
    ("ending", "offsets"),
    [("ts", [0, 0]), ("ts", [0, 3600]), ("ts", [100, 3]), ("mkv", [0, 0]), ("vob", [0, 0]), ("mpg", [5, 0])],
    ids=lambda value: str(value),
)
def test_every_part_gives_its_frames_in_ascending_times(
    decode: Decode, tmp_path: Path, ending: str, offsets: list[int], policy: SamplingPolicy, plan: bool
) -> None:
    whole = _joined(tmp_path, ending, offsets)
    decoded = decode(whole, policy, plan=plan)
    assert decoded.times == _EXPECTED
    change = decoded.index.discontinuities
    assert [round(each.pts_seconds, 2) for each in change] == [_SECONDS]
    assert change[0].seconds_after == pytest.approx(change[0].seconds_before, abs=3700)


@pytest.mark.failure_row(53)
@pytest.mark.parametrize("offsets", [[0, 0], [0, 100], [50, 0]], ids=str)
def test_a_reconnected_flv_gives_the_frames_of_both_recordings(
    decode: Decode, tmp_path: Path, offsets: list[int]
) -> None:
    whole = _reconnected_flv(tmp_path, offsets)
    assert decode(whole, plan=True).times == _EXPECTED
    keyframes = decode(whole, SamplingPolicy(strategy="keyframe"), plan=True)
    assert [time for _, time in keyframes.times] == [time for _, time in _EXPECTED]


def test_parts_that_follow_one_another_many_times_are_all_there(tmp_path: Path) -> None:
    whole = _joined(tmp_path, "ts", [0, 0, 3600, 0], sound=True)
    manifest = extract_to_folder(whole, tmp_path / "frames", SamplingPolicy(), local_config())
    assert [frame.pts_seconds for frame in manifest.frames] == list(range(4 * _SECONDS))
    assert len(manifest.video.discontinuities) == 3
    assert "restarts or jumps 3 times" in manifest.notes[0]


def test_pictures_after_a_restart_are_those_of_a_full_decode_by_another_decoder(
    decode: Decode, tmp_path: Path
) -> None:
    whole = _joined(tmp_path, "ts", [0, 0])
    with av.open(str(whole)) as container:
        total = sum(1 for _ in container.decode(video=0))
    everything = decode(whole, SamplingPolicy(interval_seconds=1 / 25), plan=False)
    assert len(everything.frames) == total == 2 * _SECONDS * 25
    second = [frame.data for frame in everything.frames[_SECONDS * 25 :]]
    assert second == [frame.data for frame in everything.frames[: _SECONDS * 25]]


@pytest.mark.parametrize("ending", ["ts", "flv", "mkv", "mp4"])
def test_a_gap_in_which_only_sound_goes_on_stays_a_gap(decode: Decode, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"gap.{ending}"
    clips.ffmpeg(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=6 -f lavfi -i sine=duration=22"
        " -filter_complex [0:v]setpts=PTS+gte(T\\,3)*15/TB[v] -map [v] -map 1:a -fps_mode passthrough"
        " -c:v libx264 -bf 0 -g 25 -c:a aac {0}",
        path,
    )
    decoded = decode(path, plan=True)
    assert [time for _, time in decoded.times] == [0, 1, 2, 18, 19, 20]
    assert decoded.index.discontinuities == ()


@pytest.mark.parametrize("gap", [2, 9])
def test_a_short_gap_is_never_a_jump_of_the_clock(decode: Decode, tmp_path: Path, gap: int) -> None:
    path = tmp_path / "gap.ts"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -vf setpts=PTS+gte(T\\,2)*{gap}/TB"
        " -fps_mode passthrough -c:v libx264 -bf 0 -g 25 {0}",
        path,
    )
    assert [time for _, time in decode(path, plan=True).times] == [0, 1, 2 + gap, 3 + gap]


def test_a_clock_of_33_bits_that_wraps_goes_on(decode: Decode, tmp_path: Path) -> None:
    path = _part(tmp_path / "wraps.ts", (1 << 33) // 90_000 - 4)
    decoded = decode(path, plan=True)
    assert decoded.times == [(slot, float(slot)) for slot in range(_SECONDS)]
    assert decoded.index.discontinuities == ()


_DURATION = 40


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 200)), min_size=1, max_size=12),
    st.sampled_from(["mpegts", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"]),
)
def test_corrected_times_ascend_and_leave_no_gap_at_a_restart(
    recordings: list[tuple[int, int]], container: str
) -> None:
    starts = [start for start, _ in recordings]
    times = [start + _DURATION * place for start, count in recordings for place in range(count)]
    listing = _listed(times)
    found = find_discontinuities(listing.parts, container, Fraction(1, 1000), lambda _: True)
    result = corrected(listing.packets.pts, found, NO_PTS)
    if all(after < before for before, after in pairwise(starts)):
        ends = [start + count * _DURATION for start, count in recordings]
        if container in ("mpegts", "flv") or all(
            after < end - 18 * _DURATION for after, end in zip(starts[1:], ends, strict=False)
        ):
            assert list(result) == [starts[0] + _DURATION * place for place in range(len(times))]


def _listed(times: list[int]) -> PacketListing:
    lowest = -9_000_000_000_000_000
    stamps = ((lowest + number * (1 << 28) + _DURATION, time) for number, time in enumerate(times))
    lines = (f"0, {stamp}, {time}, {time + (1 << 52)}, 10, 0x00000000\n" for stamp, time in stamps)
    listing = PacketListing(10**6)
    listing.feed(b"#tb 0: 1/1000\n" + "".join(lines).encode())
    return listing


def test_a_jump_ahead_counts_only_where_nothing_else_goes_on() -> None:
    parts = [
        Part(0, 0, 960, start_pts=0, end_pts=1_000),
        Part(25, 60_000, 61_000, step=59_040, frame_duration=40, start_pts=60_000, end_pts=61_000),
    ]
    gaps: list[Gap] = []

    def is_real(gap: Gap) -> bool:
        gaps.append(gap)
        return True

    assert find_discontinuities(parts, "mpegts", Fraction(1, 1000), is_real) == []
    assert gaps == [Gap(1.0, 60.0)]
    (found,) = find_discontinuities(parts, "mpegts", Fraction(1, 1000), lambda _: False)
    assert (found.pts, found.offset) == (1_000, -59_000)
    assert find_discontinuities(parts, "mov,mp4,m4a,3gp,3g2,mj2", Fraction(1, 1000), lambda _: False) == []


def test_packets_without_a_time_keep_none() -> None:
    listing = _listed([0, 40, 80, 0, 40])
    found = find_discontinuities(listing.parts, "mpegts", Fraction(1, 1000), lambda _: True)
    times = array("q", [0, NO_PTS, 80, 0, NO_PTS])
    assert list(corrected(times, found, NO_PTS)) == [0, NO_PTS, 80, 120, NO_PTS]


def test_the_listing_filter_fits_an_argument_of_ffmpeg() -> None:
    assert "\\," in LISTED_STAMPS
