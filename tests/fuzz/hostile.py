"""Files that are built to hurt: small ones that ask for much. Pure, made of a good MP4."""

import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from tests.fuzz.elements import Element, Tree, parsed

_MANY: Final = 0xFFFFFFFF


def deep_boxes(clip: bytes, kind: bytes, depth: int) -> bytes:
    """Boxes in boxes in the `moov`."""
    body = b"".join(struct.pack(">I4s", 8 * (depth - level), kind) for level in range(depth))
    return _changed(clip, b"moov", lambda moov: _children(moov).append(Element(lambda _: b"", body)))


def absurd_table(clip: bytes, kind: bytes, count: int = _MANY) -> bytes:
    """A table of samples that says it has `count` entries."""

    def change(table: Element) -> None:
        at = 8 if kind == b"stsz" else 4
        table.body = table.body[:at] + struct.pack(">I", count) + table.body[at + 4 :]

    return _changed(clip, kind, change)


def packet_bomb(clip: bytes, count: int, size: int | None = None) -> bytes:
    """So many times the first sample, or as many bytes of it, from the same place in the file."""
    start = clip.index(b"mdat") + 4
    tables = {
        b"stsz": struct.pack(">III", 0, size or _first_sample_bytes(clip), count),
        b"stts": struct.pack(">IIII", 0, 1, count, 1),
        b"stsc": struct.pack(">IIIII", 0, 1, 1, 1, 1),
        b"stco": struct.pack(f">II{count}I", 0, count, *[start] * count),
        b"ctts": struct.pack(">IIII", 0, 1, count, 0),
    }
    for kind, body in tables.items():
        clip = with_body(clip, kind, body)
    return clip


def long_samples(clip: bytes, milliseconds: int) -> bytes:
    """Each sample lasts so many units of the time base."""
    body = struct.pack(">IIII", 0, 1, 20, milliseconds)
    return with_body(clip, b"stts", body)


def many_tracks(clip: bytes, count: int) -> bytes:
    def change(moov: Element) -> None:
        boxes = _children(moov)
        track = next(box for box in boxes if box.header(0)[4:8] == b"trak")
        boxes += [track] * count

    return _changed(clip, b"moov", change)


def huge_pictures(clip: bytes, width: int, height: int) -> bytes:
    """A sample description that promises pictures of that size."""

    def change(description: Element) -> None:
        body = bytearray(description.body)
        body[40:44] = struct.pack(">HH", width, height)
        description.body = bytes(body)

    return _changed(clip, b"stsd", change)


def cyclic_edits(clip: bytes, count: int) -> bytes:
    """An edit list that plays everything so many times."""
    edits = struct.pack(">IIHH", 2_000, 0, 1, 0) * count
    return with_body(clip, b"elst", struct.pack(">II", 0, count) + edits)


HOSTILE: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "deep udta": partial(deep_boxes, kind=b"udta", depth=10_000),
    "deep trak": partial(deep_boxes, kind=b"trak", depth=10_000),
    "deep moov": partial(deep_boxes, kind=b"moov", depth=100_000),
    **{
        f"absurd {kind.decode()}": partial(absurd_table, kind=kind)
        for kind in (b"stts", b"stsz", b"ctts", b"stsc", b"stco", b"stss", b"elst", b"stsd", b"dref")
    },
    "many samples": partial(absurd_table, kind=b"stsz", count=20_000_000),
    "packet bomb": partial(packet_bomb, count=20_000),
    "packet bomb of garbage": partial(packet_bomb, count=20_000, size=1),
    "long samples": partial(long_samples, milliseconds=_MANY >> 1),
    "rare samples": partial(long_samples, milliseconds=_MANY >> 8),
    "30 tracks": partial(many_tracks, count=30),
    "5,000 tracks": partial(many_tracks, count=5_000),
    "huge pictures": partial(huge_pictures, width=0xFFFF, height=0xFFFF),
    "flat pictures": partial(huge_pictures, width=0xFFFF, height=1),
    "cyclic edits": partial(cyclic_edits, count=200),
    "20,000 edits": partial(cyclic_edits, count=20_000),
}
"""By name."""


def _changed(clip: bytes, kind: bytes, change: Callable[[Element], None]) -> bytes:
    """`clip` with a change to its first box of that kind; the clip itself if it has none."""
    tree = parsed(clip)
    box = _first(tree, kind)
    if box is not None:
        change(box)
    return tree.written()


def _first(tree: Tree, kind: bytes) -> Element | None:
    boxes = (box for siblings in tree.lists() for box in siblings)
    return next((box for box in boxes if box.header(0)[4:8] == kind), None)


def _first_sample_bytes(clip: bytes) -> int:
    table = _first(parsed(clip), b"stsz")
    assert table is not None
    return int.from_bytes(table.body[12:16], "big")


def _children(box: Element) -> list[Element]:
    assert box.children is not None
    return box.children


def with_body(clip: bytes, kind: bytes, body: bytes) -> bytes:
    """`clip` with another body of its first box of that kind."""
    return _changed(clip, kind, partial(_set_body, body=body))


def _set_body(box: Element, body: bytes) -> None:
    box.body = body
