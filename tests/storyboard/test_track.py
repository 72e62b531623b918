"""The track says when each thumbnail is to be seen, as the standard wants it."""

from extractor.storyboard.sheet import Region
from extractor.storyboard.track import Tile, clock, evenly, webvtt


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
    assert clock(100 * 3_600_000 + 1) == "100:00:00.001"


def test_a_choice_is_spread_evenly_from_the_first_to_the_last() -> None:
    assert list(evenly(3, 30)) == [0, 1, 2]
    assert list(evenly(101, 5)) == [0, 25, 50, 75, 100]
    assert len(set(evenly(31, 30))) == 30
