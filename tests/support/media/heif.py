"""Photos as phones write them: HEIF files with a picture in tiles, and a thumbnail beside it."""

import struct
from pathlib import Path

from tests.support.media import clips

_TILE_PIXELS = 64


def phone_photo(path: Path, columns: int = 2, rows: int = 2) -> Path:
    """A HEIC photo of so many tiles, each an HEVC picture, with one more as its thumbnail."""
    configuration, picture = _hevc_picture(path)
    tiles = range(2, 2 + columns * rows)
    grid, thumbnail = 1, tiles.stop
    size = struct.pack(">HH", columns * _TILE_PIXELS, rows * _TILE_PIXELS)
    layout = bytes([0, 0, rows - 1, columns - 1]) + size
    pictures = [*tiles, thumbnail]

    def meta(pictures_start: int) -> bytes:
        coded = [
            (item, 0, pictures_start + number * len(picture), len(picture))
            for number, item in enumerate(pictures)
        ]
        return _full_box(
            b"meta",
            _full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            _full_box(b"pitm", struct.pack(">H", grid)),
            _full_box(
                b"iinf",
                struct.pack(">H", len(pictures) + 1),
                _item(grid, b"grid"),
                *(_item(item, b"hvc1") for item in pictures),
            ),
            _full_box(
                b"iref",
                _box(b"dimg", struct.pack(f">HH{len(tiles)}H", grid, len(tiles), *tiles)),
                _box(b"thmb", struct.pack(">HHH", thumbnail, 1, grid)),
            ),
            _properties(configuration, grid, pictures, (columns, rows)),
            _box(b"idat", layout),
            _locations([(grid, 1, 0, len(layout)), *coded]),
        )

    brands = _box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic")
    start = len(brands) + len(meta(0)) + 8
    path.write_bytes(brands + meta(start) + _box(b"mdat", *[picture] * len(pictures)))
    return path


def _hevc_picture(path: Path) -> tuple[bytes, bytes]:
    """The decoder configuration and the only sample of a clip of one frame."""
    clip = path.with_suffix(".mp4")
    pictures = f"testsrc2=size={_TILE_PIXELS}x{_TILE_PIXELS}"
    encoded = "-frames:v 1 -c:v libx265 -x265-params log-level=none"
    clips.ffmpeg(f"-f lavfi -i {pictures} {encoded} {{0}}", clip)
    data = clip.read_bytes()
    return _contents(data, b"hvcC"), _contents(data, b"mdat")


def _contents(data: bytes, kind: bytes) -> bytes:
    start = data.index(kind)
    return data[start + 4 : start - 4 + int.from_bytes(data[start - 4 : start], "big")]


def _box(kind: bytes, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full_box(kind: bytes, *contents: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]), *contents)


def _item(number: int, kind: bytes) -> bytes:
    return _full_box(b"infe", struct.pack(">HH", number, 0), kind, b"\0", version=2)


def _properties(configuration: bytes, grid: int, pictures: list[int], tiles: tuple[int, int]) -> bytes:
    columns, rows = tiles
    shared = [
        _box(b"hvcC", configuration),
        _full_box(b"ispe", struct.pack(">II", _TILE_PIXELS, _TILE_PIXELS)),
        _full_box(b"ispe", struct.pack(">II", columns * _TILE_PIXELS, rows * _TILE_PIXELS)),
    ]
    uses = [struct.pack(">HBB", grid, 1, 3), *(struct.pack(">HBBB", item, 2, 1, 2) for item in pictures)]
    associations = _full_box(b"ipma", struct.pack(">I", len(uses)), *uses)
    return _box(b"iprp", _box(b"ipco", *shared), associations)


def _locations(items: list[tuple[int, int, int, int]]) -> bytes:
    """Where each item lies: its number, 1 for `idat` and 0 for the file, offset and size."""
    entries = [
        struct.pack(">HHHHII", number, place, 0, 1, offset, size) for number, place, offset, size in items
    ]
    return _full_box(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *entries, version=1)
