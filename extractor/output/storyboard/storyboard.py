"""The storyboard of a video: contact sheet, sprite sheets and thumbnail track, made of its frames.

No frame is decoded from the video a second time, and only thumbnails are kept in memory.
"""

from collections.abc import Iterable, Iterator
from math import ceil, sqrt

from msgspec import Struct, field

from extractor.domain.frames import Frame
from extractor.domain.manifest import Extra
from extractor.domain.output_options import CONTACT_SHEET_NAME, THUMBNAIL_TRACK_NAME, sprite_name
from extractor.output.frame_store import FrameStore, SideFile
from extractor.output.storyboard.sprite_sheet import SheetStyle, compose
from extractor.output.storyboard.thumbnails import Thumbnail, Thumbnails
from extractor.output.storyboard.webvtt import Tile, evenly_spaced, format_timestamp, webvtt

_SPRITE = SheetStyle()
_SPRITE_COLUMNS = 10
_SPRITE_TILES = 100
_CONTACT_SHEET = SheetStyle(gap=8, line=16)
_CONTACT_SHEET_TILES = 30
_CONTACT_SHEET_SHAPE = 1.6  # width to height


class Storyboard(Struct, frozen=True):
    """The storyboard of one video.

    Attributes:
        frame_store: Where to store it.
        start_seconds: When players show the first frame.
        end_seconds: When players reach the end of the video.
    """

    frame_store: FrameStore
    start_seconds: float
    end_seconds: float
    _thumbnails: Thumbnails = field(default_factory=Thumbnails)

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames unchanged, and keep thumbnails of them."""
        for frame in frames:
            self._thumbnails.add(frame)
            yield frame

    def store(self) -> tuple[Extra, ...]:
        """Store all files. Call it after the last frame.

        Raises:
            ConflictError: Another worker has written one of them.
        """
        kept = self._thumbnails.kept
        sheet = self._put("contact_sheet", CONTACT_SHEET_NAME, _contact_sheet(kept), "image/jpeg")
        tiles: list[Tile] = []
        sprites: list[Extra] = []
        for number, start in enumerate(range(0, len(kept), _SPRITE_TILES)):
            group, name = kept[start : start + _SPRITE_TILES], sprite_name(number)
            data, regions = compose([one.pixels for one in group], _SPRITE_COLUMNS, _SPRITE)
            sprites.append(self._put("sprite", name, data, "image/jpeg"))
            tiles += [
                Tile(self.start_seconds + one.pts_seconds, name, region)
                for one, region in zip(group, regions, strict=True)
            ]
        text = webvtt(tiles, self.end_seconds)
        return sheet, *sprites, self._put("thumbnails", THUMBNAIL_TRACK_NAME, text.encode(), "text/vtt")

    def _put(self, kind: str, name: str, data: bytes, content_type: str) -> Extra:
        file = self.frame_store.put(SideFile(name, data, content_type))
        return Extra(file.key, file.size_bytes, file.sha256, file.etag, kind=kind)


def _contact_sheet(thumbnails: list[Thumbnail]) -> bytes:
    chosen = [thumbnails[number] for number in evenly_spaced(len(thumbnails), _CONTACT_SHEET_TILES)]
    height, width, _ = chosen[0].pixels.shape
    columns = ceil(sqrt(len(chosen) * _CONTACT_SHEET_SHAPE * height / width))
    labels = [format_timestamp(round(one.pts_seconds * 1000)) for one in chosen]
    return compose([one.pixels for one in chosen], columns, _CONTACT_SHEET, labels)[0]
