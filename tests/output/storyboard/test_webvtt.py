"""The track says when each thumbnail is to be seen, as the standard wants it."""

import json
import re
from pathlib import Path

import pytest

from extractor.__main__ import main
from extractor.output.storyboard.sprite_sheet import Region
from extractor.output.storyboard.webvtt import Tile, evenly_spaced, format_timestamp, webvtt
from tests.support.media.clips import ENCODED, PICTURES, ffmpeg, plain


def _tiles(*seconds: float) -> list[Tile]:
    return [Tile(time, "sprite-a.jpg", Region(number * 10, 0, 10, 20)) for number, time in enumerate(seconds)]


def test_each_cue_lasts_until_the_next_one_and_the_last_until_the_end() -> None:
    assert webvtt(_tiles(0, 1.4004, 3661.5), 3662.25) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:01.400\nsprite-a.jpg#xywh=0,0,10,20\n\n"
        "00:00:01.400 --> 01:01:01.500\nsprite-a.jpg#xywh=10,0,10,20\n\n"
        "01:01:01.500 --> 01:01:02.250\nsprite-a.jpg#xywh=20,0,10,20\n"
    )


def test_no_cue_is_without_duration() -> None:
    lines = webvtt(_tiles(0, 0.0001, 0.5), 0.5).splitlines()
    assert [line for line in lines if "-->" in line] == [
        "00:00:00.000 --> 00:00:00.500",
        "00:00:00.500 --> 00:00:00.501",
    ]
    assert "sprite-a.jpg#xywh=0,0,10,20" not in lines


def test_hours_may_have_more_than_two_digits() -> None:
    assert format_timestamp(100 * 3_600_000 + 1) == "100:00:00.001"


def test_a_choice_is_spread_evenly_from_the_first_to_the_last() -> None:
    assert list(evenly_spaced(3, 30)) == [0, 1, 2]
    assert list(evenly_spaced(101, 5)) == [0, 25, 50, 75, 100]
    assert len(set(evenly_spaced(31, 30))) == 30


@pytest.mark.operations_row(34)
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_cues_are_in_the_time_of_players_where_video_starts_after_sound(tmp_path: Path, ending: str) -> None:
    clip = tmp_path / f"late.{ending}"
    ffmpeg(
        f"-f lavfi -i sine=duration=4 -itsoffset 2 -f lavfi -i {PICTURES}:duration=2 -map 1:v -map 0:a"
        f" -c:v {ENCODED} -c:a aac {{0}}",
        clip,
    )
    assert main([str(clip), "--out", str(tmp_path / "out"), "--storyboard"]) == 0
    cues = re.findall(r"^(\S+) --> (\S+)$", (tmp_path / "out/late/storyboard.vtt").read_text(), re.MULTILINE)
    assert _seconds(cues[0][0]) == pytest.approx(2, abs=0.1)
    assert _seconds(cues[-1][1]) == pytest.approx(4, abs=0.1)


@pytest.mark.operations_row(34)
def test_a_broadcast_whose_clock_is_anywhere_begins_at_0(tmp_path: Path) -> None:
    clip = plain(tmp_path / "plain.ts", 2)
    assert main([str(clip), "--out", str(tmp_path / "out"), "--storyboard"]) == 0
    manifest = json.loads((tmp_path / "out/plain/manifest.json").read_text())
    assert manifest["video"]["start_seconds"] > 1
    assert "\n00:00:00.000 --> " in (tmp_path / "out/plain/storyboard.vtt").read_text()


def _seconds(format_timestamp: str) -> float:
    hours, minutes, seconds = format_timestamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
