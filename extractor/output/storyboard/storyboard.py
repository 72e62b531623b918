"""The storyboard of one video: its frames pass by, and what is made of them is stored after the last one.

No frame is decoded from the video once more, and no more than small pictures are kept. No name has a digit,
so none is that of a frame.
"""

from collections.abc import Iterable, Iterator
from math import ceil, sqrt
from string import ascii_lowercase

from msgspec import Struct, field

from extractor.domain.frames import Frame
from extractor.domain.manifest import Extra
from extractor.output.frame_store import FrameStore
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
    """Of one video whose first frame is shown at `start_seconds`, and which ends at `end_seconds`, as players
    count."""

    frame_store: FrameStore
    start_seconds: float
    end_seconds: float
    _thumbnails: Thumbnails = field(default_factory=Thumbnails)

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames, unchanged."""
        for frame in frames:
            self._thumbnails.add(frame)
            yield frame

    def store(self) -> tuple[Extra, ...]:
        """Put all on the shelf. Raises what that raises."""
        kept = self._thumbnails.kept
        sheet = self._put("contact_sheet", "contact-sheet.jpg", _contact_sheet(kept), "image/jpeg")
        tiles: list[Tile] = []
        sprites: list[Extra] = []
        for letter, start in zip(ascii_lowercase, range(0, len(kept), _SPRITE_TILES), strict=False):
            group, name = kept[start : start + _SPRITE_TILES], f"sprite-{letter}.jpg"
            data, regions = compose([one.pixels for one in group], _SPRITE_COLUMNS, _SPRITE)
            sprites.append(self._put("sprite", name, data, "image/jpeg"))
            tiles += [
                Tile(self.start_seconds + one.pts_seconds, name, region)
                for one, region in zip(group, regions, strict=True)
            ]
        text = webvtt(tiles, self.end_seconds)
        return sheet, *sprites, self._put("thumbnails", "storyboard.vtt", text.encode(), "text/vtt")

    def _put(self, kind: str, name: str, data: bytes, content_type: str) -> Extra:
        file = self.frame_store.put_file(name, data, content_type)
        return Extra(file.key, file.size_bytes, file.sha256, file.etag, kind=kind)


def _contact_sheet(thumbnails: list[Thumbnail]) -> bytes:
    chosen = [thumbnails[number] for number in evenly_spaced(len(thumbnails), _CONTACT_SHEET_TILES)]
    height, width, _ = chosen[0].pixels.shape
    columns = ceil(sqrt(len(chosen) * _CONTACT_SHEET_SHAPE * height / width))
    labels = [format_timestamp(round(one.pts_seconds * 1000)) for one in chosen]
    return compose([one.pixels for one in chosen], columns, _CONTACT_SHEET, labels)[0]
