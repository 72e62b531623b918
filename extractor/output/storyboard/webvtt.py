"""Thumbnail track in WebVTT: which region of which sprite sheet to show when. Pure: no I/O.

Players use it as a track of metadata: https://www.w3.org/TR/webvtt1, https://www.w3.org/TR/media-frags
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct

from extractor.output.storyboard.sprite_sheet import Region


class Tile(Struct, frozen=True):
    """A thumbnail on a sprite sheet.

    Attributes:
        start_seconds: When players start to show it.
        sprite: File name of the sheet, in the folder of the track.
        region: Its region on the sheet.
    """

    start_seconds: float
    sprite: str
    region: Region


def webvtt(tiles: Sequence[Tile], end_seconds: float) -> str:
    """Return the track. Each tile is shown until the next one starts, the last until the end of the video.

    Times are whole milliseconds. Of two tiles in the same millisecond, only the later one is listed.
    """
    starts = [round(tile.start_seconds * 1000) for tile in tiles]
    times = pairwise([*starts, max(round(end_seconds * 1000), starts[-1] + 1)])
    cues = [_cue(start, end, tile) for (start, end), tile in zip(times, tiles, strict=True) if start < end]
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def format_timestamp(milliseconds: int) -> str:
    """Format a time as in WebVTT: 65250 is ``00:01:05.250``."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


def _cue(start: int, end: int, tile: Tile) -> str:
    region = tile.region
    fragment = f"#xywh={region.x},{region.y},{region.width},{region.height}"
    return f"{format_timestamp(start)} --> {format_timestamp(end)}\n{tile.sprite}{fragment}"


def evenly_spaced(count: int, limit: int) -> Iterable[int]:
    """Return at most `limit` of the numbers below `count`, including the first and the last."""
    if count <= limit:
        return range(count)
    return (round(number * (count - 1) / (limit - 1)) for number in range(limit))
